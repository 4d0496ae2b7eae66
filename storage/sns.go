package storage

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // SNS's SignatureVersion 1 is SHA-1; topics choose version 2 by an attribute
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// The types of message that SNS posts.
const (
	snsNotification = "Notification"
	snsSubscribe    = "SubscriptionConfirmation"
	snsUnsubscribe  = "UnsubscribeConfirmation"
)

// snsMessage is the body of an SNS delivery over HTTP.
// https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html
type snsMessage struct {
	Type             string
	MessageID        string `json:"MessageId"`
	TopicARN         string `json:"TopicArn"`
	Subject          *string
	Message          string
	Timestamp        string
	Token            string
	SubscribeURL     string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

// signed returns the text that SNS signs: name and value of each field on lines of their own, in the order of the names.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
func (m *snsMessage) signed() []byte {
	var b strings.Builder
	add := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	add("Message", m.Message)
	add("MessageId", m.MessageID)
	if m.Type == snsNotification {
		if m.Subject != nil {
			add("Subject", *m.Subject)
		}
	} else {
		add("SubscribeURL", m.SubscribeURL)
	}
	add("Timestamp", m.Timestamp)
	if m.Type != snsNotification {
		add("Token", m.Token)
	}
	add("TopicArn", m.TopicARN)
	add("Type", m.Type)
	return []byte(b.String())
}

// verify checks the signature against the key of SNS's certificate. It does not use x509's check, which refuses SHA-1.
func (m *snsMessage) verify(key *rsa.PublicKey) error {
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	switch m.SignatureVersion {
	case "1":
		digest := sha1.Sum(m.signed()) //nolint:gosec // see the import
		return rsa.VerifyPKCS1v15(key, crypto.SHA1, digest[:], signature)
	case "2":
		digest := sha256.Sum256(m.signed())
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
	}
	return fmt.Errorf("signature version %q is neither 1 nor 2", m.SignatureVersion)
}

// fresh checks that the message was made within the window, and not in the future but for the skew of clocks.
func (m *snsMessage) fresh(now time.Time, window time.Duration) error {
	made, err := time.Parse(time.RFC3339Nano, m.Timestamp)
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	if age := now.Sub(made); age > window+snsClockSkew || age < -snsClockSkew {
		return fmt.Errorf("made %s ago, outside the window of %s", age.Round(time.Second), window)
	}
	return nil
}

// snsClockSkew is how far the clocks of SNS and of this machine may differ.
const snsClockSkew = 5 * time.Minute

// A pattern such as sns.*.amazonaws.com would also admit sns.s3.amazonaws.com and sns.s3-us-west-2.amazonaws.com, which
// are anybody's bucket: a region begins with a word of letters alone, and never with "s3".
var (
	snsHost     = regexp.MustCompile(`^sns\.[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}\.amazonaws\.com(\.cn)?$`)
	snsCertPath = regexp.MustCompile(`^/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem$`)
)

// snsURL parses an address that a message names and refuses it unless it is https at SNS itself.
func snsURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("address does not parse") // url's error would repeat the address, with its token
	}
	if u.Scheme != "https" || u.User != nil || !snsHost.MatchString(u.Host) {
		return nil, errors.New("address is not https at an SNS endpoint")
	}
	return u, nil
}

func snsCertURL(address string) (string, error) {
	u, err := snsURL(address)
	if err != nil {
		return "", err
	}
	if !snsCertPath.MatchString(u.EscapedPath()) || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("address is not one of an SNS certificate")
	}
	return u.String(), nil
}

// confirmURL returns the address that confirms the subscription: SNS's own action for the message's own topic, no other.
func (m *snsMessage) confirmURL() (string, error) {
	u, err := snsURL(m.SubscribeURL)
	if err != nil {
		return "", err
	}
	q := u.Query()
	if u.Path != "/" && u.Path != "" || q.Get("Action") != "ConfirmSubscription" || q.Get("TopicArn") != m.TopicARN {
		return "", errors.New("address confirms no subscription to the message's topic")
	}
	return u.String(), nil
}

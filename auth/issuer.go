package auth

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// poolID is the form of a user pool's id: the region, then a name. See CreateUserPool in the Cognito API reference.
var poolID = regexp.MustCompile(`^([a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2})_([0-9A-Za-z]{1,55})$`)

var region = regexp.MustCompile(`^[a-z]{2,4}(?:-[a-z]+){1,2}-[0-9]{1,2}$`)

// partitions maps the beginning of a region's name to the domain of its partition, as in the SDKs' partitions.json.
// Regions that match none are in the commercial partition.
var partitions = []struct{ prefix, domain string }{
	{"cn-", "amazonaws.com.cn"},
	{"eusc-", "amazonaws.eu"},
	{"us-iso-", "c2s.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov"},
}

func domain(region string) string {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.domain
		}
	}
	return "amazonaws.com"
}

// issuerURLs returns the issuers that tokens of a pool may name: the one of its region, the one of replicated pools
// (issuer-cognito-idp, since 2026), and, since a replica may sign under its own region's name, one for each replica region.
func issuerURLs(id string, replicaRegions []string) ([]string, error) {
	m := poolID.FindStringSubmatch(id)
	if m == nil {
		return nil, fmt.Errorf("pool id %q is not of the form region_name, such as eu-west-1_AbCdEf123; set Issuer for an emulator", id)
	}
	home := m[1]
	urls := []string{
		"https://cognito-idp." + home + "." + domain(home) + "/" + id,
		"https://issuer-cognito-idp." + home + "." + domain(home) + "/" + id,
	}
	for _, r := range replicaRegions {
		if !region.MatchString(r) {
			return nil, fmt.Errorf("pool %s: replica region %q is not the name of a region", id, r)
		}
		urls = append(urls, "https://cognito-idp."+r+"."+domain(r)+"/"+id)
	}
	return urls, nil
}

// checkURL refuses what keys must not be fetched from: anything but https, except plain http to this machine.
func checkURL(field, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%s %q is not a URL", field, text)
	case u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" && field == "Issuer":
		return fmt.Errorf("%s %q must have a host and neither user, query nor fragment", field, text)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("%s %q must be https; plain http is for loopback addresses only", field, text)
	}
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

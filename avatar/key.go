package avatar

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ErrInvalidSubject is returned for a subject that does not match [A-Za-z0-9][A-Za-z0-9_-]{0,127}.
var ErrInvalidSubject = errors.New("avatar: the subject must match [A-Za-z0-9][A-Za-z0-9_-]{0,127}")

var (
	subjectPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	prefixPattern  = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*/)+$`)
)

// imageType ties a media type to the extension of its upload key and to the format that the bytes must have.
type imageType struct{ mediaType, ext, format string }

// imageTypes is the closed list of what an upload may be declared as. The last two need an opt-in decoder.
var imageTypes = []imageType{
	{"image/jpeg", "jpg", "jpeg"},
	{"image/png", "png", "png"},
	{"image/gif", "gif", "gif"},
	{"image/webp", "webp", "webp"},
	{"image/heic", "heic", "heic"},
	{"image/avif", "avif", "avif"},
}

// typeOf finds the first type for which match holds.
func typeOf(match func(imageType) bool) (imageType, bool) {
	i := slices.IndexFunc(imageTypes, match)
	if i < 0 {
		return imageType{}, false
	}
	return imageTypes[i], true
}

// keyspace builds and reads every key that a processor touches; no key is made anywhere else.
//
//	uploads bucket   <uploads><subject>/<upload id>.<ext>       originals
//	                 records/<kind>s/<subject>/<id>.json        one for each handled upload
//	                 attempts/<kind>s/<subject>/<id>/<random>   one while a picture is rendered
//	                 intents/<kind>s/<subject>/<id>.json        one while a version is made without an upload
//	                 quarantine/<kind>s/<subject>/<id>.<ext>    refused originals
//	                 erased/<kind>s/<digest>.json               which upload ids of a subject are void
//	                 backfills/<kind>s/<name>.json              how far a backfill has come
//	assets bucket    <kind>s/<public id>/<id>/<variant>.<ext>   published, immutable
//	                 <kind>s/<public id>/<id>/manifest.json     written last
//	                 <kind>s/<public id>.jpg                    the stable name of the current picture
type keyspace struct {
	uploads   string // prefix of originals
	published string // "avatars/"
	secret    []byte // nil: the public id is the subject
}

func (k keyspace) records() string    { return "records/" + k.published }
func (k keyspace) attempts() string   { return "attempts/" + k.published }
func (k keyspace) intents() string    { return "intents/" + k.published }
func (k keyspace) backfills() string  { return "backfills/" + k.published }
func (k keyspace) quarantine() string { return "quarantine/" + k.published }
func (k keyspace) erased() string     { return "erased/" + k.published }

// validate refuses prefixes of which one contains another. The rule holds for two buckets as well: two handles may be one bucket, and
// nobody can tell.
func (k keyspace) validate() error {
	if !prefixPattern.MatchString(k.uploads) || strings.Contains(k.uploads, "..") {
		return fmt.Errorf("avatar: UploadsPrefix %q must be one or more segments of letters, digits, '.', '_' and '-', each ending in '/'", k.uploads)
	}
	private := []string{k.records(), k.attempts(), k.intents(), k.quarantine(), k.erased(), k.backfills()}
	for _, other := range append(private, k.published) {
		if strings.HasPrefix(k.uploads, other) || strings.HasPrefix(other, k.uploads) {
			return fmt.Errorf("avatar: UploadsPrefix %q overlaps with %q, where this package writes: every picture would be processed again", k.uploads, other)
		}
	}
	for _, own := range private {
		if strings.HasPrefix(own, k.published) {
			return fmt.Errorf("avatar: the kind's published prefix %q is reserved", k.published)
		}
	}
	return nil
}

// upload is a parsed upload key, or the place of a version that was made without an upload of its own.
type upload struct{ subject, id, ext string }

func (k keyspace) uploadKey(u upload) string { return k.uploads + u.subject + "/" + u.id + "." + u.ext }

// parseUpload is the inverse of uploadKey and refuses every other key.
func (k keyspace) parseUpload(key string) (upload, bool) {
	rest, ok := strings.CutPrefix(key, k.uploads)
	if !ok {
		return upload{}, false
	}
	subject, name, ok := strings.Cut(rest, "/")
	if !ok || !subjectPattern.MatchString(subject) {
		return upload{}, false
	}
	id, ext, ok := strings.Cut(name, ".")
	if !ok || !validID(id) {
		return upload{}, false
	}
	if _, known := typeOf(func(t imageType) bool { return t.ext == ext }); !known {
		return upload{}, false
	}
	return upload{subject, id, ext}, true
}

func (k keyspace) recordKey(subject, id string) string {
	return k.records() + subject + "/" + id + ".json"
}

func (k keyspace) attemptPrefix(subject, id string) string {
	return k.attempts() + subject + "/" + id + "/"
}

func (k keyspace) intentKey(subject, id string) string {
	return k.intents() + subject + "/" + id + ".json"
}

func (k keyspace) backfillKey(name string) string { return k.backfills() + name + ".json" }

func (k keyspace) quarantineKey(u upload) string {
	return k.quarantine() + u.subject + "/" + u.id + "." + u.ext
}

// erasedKey hides whom it is about: what is left of an erased person names nobody to those who do not know the public id already.
func (k keyspace) erasedKey(publicID string) string {
	digest := sha256.Sum256([]byte("avatarkit erased\x00" + publicID))
	return k.erased() + hex.EncodeToString(digest[:16]) + ".json"
}

// publicID is the subject, or 32 hexadecimal digits that only the holder of the secret can tie to it.
func (k keyspace) publicID(subject string) string {
	if k.secret == nil {
		return subject
	}
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(subject))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func (k keyspace) aliasKey(publicID string) string    { return k.published + publicID + ".jpg" }
func (k keyspace) versionsOf(publicID string) string  { return k.published + publicID + "/" }
func (k keyspace) version(publicID, id string) string { return k.published + publicID + "/" + id + "/" }
func (k keyspace) manifestKey(publicID, id string) string {
	return k.version(publicID, id) + manifestName
}

func (k keyspace) pictureKey(publicID, id, variant, ext string) string {
	return k.version(publicID, id) + variant + "." + ext
}

// picture is a parsed key of a published picture.
type picture struct{ publicID, id, variant, ext string }

// parsePicture is the inverse of pictureKey and refuses every other key, manifests too.
func (k keyspace) parsePicture(key string) (picture, bool) {
	rest, ok := strings.CutPrefix(key, k.published)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 {
		return picture{}, false
	}
	variant, ext, ok := strings.Cut(parts[2], ".")
	p := picture{parts[0], parts[1], variant, ext}
	ok = ok && subjectPattern.MatchString(p.publicID) && validID(p.id) && variantName.MatchString(p.variant) && servedType(p.ext) != ""
	return p, ok
}

// servedType is the media type of a published extension; empty for what is never served.
func servedType(ext string) string {
	t, _ := typeOf(func(t imageType) bool { return t.ext == ext })
	return t.mediaType
}

// validID says whether id is a UUIDv7 in its canonical lower-case form, so that ids sort as strings by their time (RFC 9562, section 5.7).
func validID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.Version() == 7 && u.Variant() == uuid.RFC4122 && u.String() == id
}

// newID is a UUIDv7 of the time now, with the part of a millisecond that RFC 9562, section 6.2, method 3, allows in the twelve bits after the version.
func newID(now time.Time) (string, error) {
	u, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("avatar: make an id: %w", err)
	}
	ms := uint64(max(now.UnixMilli(), 0))
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	fraction := uint16(now.Nanosecond() % 1e6 * 4096 / 1e6)
	u[6], u[7] = 0x70|byte(fraction>>8), byte(fraction)
	return u.String(), nil
}

// idTime is when id was made, by the clock of its maker.
func idTime(id string) time.Time {
	u, err := uuid.Parse(id)
	if err != nil {
		return time.Time{}
	}
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

// successor is the id right after id: later than it, and before every id of a later time. A version that replaces one without its
// owner's doing takes it, so that it never stands above an upload that the owner made later.
func successor(id string) string {
	u, err := uuid.Parse(id)
	if err != nil {
		return ""
	}
	for i := 15; i > 8; i-- {
		u[i]++
		if u[i] != 0 {
			return u.String()
		}
	}
	// 56 random bits were all ones; the two bits of the variant stay as they are.
	if u[8]&0x3f != 0x3f {
		u[8]++
		return u.String()
	}
	u[8] = 0x80
	u[7]++
	return u.String()
}

// lastID is the greatest id of a time: every id up to t sorts at or before it.
func lastID(t time.Time) string {
	ms := uint64(max(t.UnixMilli(), 0))
	var u uuid.UUID
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	for i := 6; i < 16; i++ {
		u[i] = 0xff
	}
	u[6] = 0x7f
	u[8] = 0xbf
	return u.String()
}

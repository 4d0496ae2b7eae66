// Package avatarkit is the path from a click to a picture: who asks (auth), what may be uploaded (storage), the upload made safe and
// small (avatar), the person it belongs to (profile), and the schema over time (migrate). It holds no code; import the packages.
package avatarkit

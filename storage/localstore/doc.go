// Package localstore grants and receives uploads without a cloud: into memory, into a folder, or into any other bucket
// behind a server of one's own. The uploader cannot tell it from a cloud store: it makes the request that the grant
// describes. A [Store] is also the [net/http.Handler] for that request, and unlike the clouds it enforces everything:
//
//   - the URL is signed (HMAC-SHA256) with the method, the receiver's base URL, the key, the type, the size or its bounds,
//     the digest, the Cache-Control, whether the key may be overwritten, the upload id and the expiry;
//   - exactly that Content-Type, that length or range, and that SHA-256 are accepted, and one upload for each key;
//   - an upload is visible when it is whole and not before. One that is cut off, stalls or has the wrong content leaves
//     nothing;
//   - the answer 201 comes after the object is stored, for a folder after it and its directory are on the disk, and after
//     [Config.OnCreated] was called.
//
// # Answers
//
// Success is 201 with an ETag. A preflight is 204, without a signature and for any path. All else is problem+json
// (RFC 9457) with one of these codes:
//
//	400 malformed          the URL is not one of a grant
//	400 too_small          fewer bytes than granted
//	400 incomplete         the connection ended before the announced length
//	403 bad_signature      the URL was not signed by this store, or was altered
//	403 expired            the grant is over
//	405 method             only PUT, and OPTIONS for browsers
//	408 timeout            the upload took too long, or stalled
//	409 exists             the key was uploaded before
//	409 key_conflict       a folder cannot hold this key beside those that it holds already
//	411 length_required    without Content-Length
//	413 too_large          more bytes than granted
//	415 content_type       not the granted Content-Type
//	422 sha256             the content does not have the granted digest
//	503 unavailable        the store could not write; try again
//
// # CORS
//
// Every answer, whatever its status, carries the CORS headers for an allowed origin, and "Vary: Origin" for all. Origins
// are compared whole: scheme, host and port.
package localstore

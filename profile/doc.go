// Package profile keeps the person: handle, display name, bio, activities, and which picture is current. It also tells open
// pages when any of that changes.
//
// [SQLStore] works on a *sql.DB that the caller opened, on SQLite or PostgreSQL, with the same SQL text for both. The tables
// ship with the package: [Migrations] holds them as plain .sql files for the package migrate or any other migrator.
//
//	store := profile.NewSQLStore(db, nil)
//	p, err := store.ByHandle(ctx, "andrew")                           // errors.Is(err, profile.ErrNotFound)
//	u, err := profile.ParseUpdate(body)                               // {"bio": "…"} leaves the name alone
//	p, err = store.Update(ctx, subject, u, p.Version)                 // *ConflictError when somebody was faster
//	changed, err := store.SetPicture(ctx, subject, "avatar", uploadID) // only ever forwards
//
// # Identity
//
// A person is known to the system by the subject of a verified token and to the world by a handle. Every write takes the
// subject, so ownership needs no further check. Neither the subject nor a row id is part of what [Profile] shows as JSON.
//
// # Text
//
// Names, bios and messages are stored as the person typed them after normalisation: valid UTF-8 in NFC, trimmed, without control
// characters, bidirectional controls or invisible fillers (Unicode Standard Annex 9, section 2, and Unicode Technical Report
// 36, section 2.10). Emoji with joiners and the joiners that Indic and Arabic scripts need are kept. Lengths are limited in grapheme clusters (UAX 29), which
// is what a person counts, and in bytes, since one cluster may hold any number of marks.
//
// # Versions
//
// [Profile.Version] counts edits of name and bio. Neither a new picture nor a new activity changes it, so neither
// spoils a form that somebody has open.
//
// # Live pages
//
// [Hub] fans events out to open pages of this process as server-sent events with ids, replay and heartbeat. An event says what
// changed; the page reads the new state again. Several processes behind one address each need to hear of a change: publish to a
// pub/sub topic with one subscription per process, and call [Hub.Publish] from there.
package profile

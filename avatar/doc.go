// Package avatar turns what a stranger uploads into pictures that are safe to show: small, upright, in sRGB, without metadata.
//
//	pipeline, err := avatar.New(avatar.Config{})
//	set, err := pipeline.Render(ctx, upload)
//
// A [Pipeline] recognises the format by its bytes (JPEG, PNG, GIF and WebP; everything else is refused by name), reads the size from the header
// and refuses what is over the budget before a pixel is decoded, decodes one frame onto its canvas, cuts the part to show, reduces it with
// Lanczos 3 and premultiplied alpha, turns it upright as EXIF says (in JPEG, PNG and WebP), and encodes every variant of its [Kind] anew, so that
// nothing of the file but its pixels is ever published.
//
// # What is refused and what is mended
//
// A source that can never become a picture gives a [*RejectError] with a stable reason, the format it was recognised as, and a hint for the person. Every other
// error may go away by itself.
//
// A JPEG, PNG or GIF that is cut short or damaged in its picture data is shown as far as it can be read, as browsers do, with a warning in [Source]; what is
// missing is grey, black or transparent. It is refused as corrupt when nothing of the picture can be read, and so is a WebP that is damaged or cut short, wherever that is.
// Of an animation the first frame is used, placed on its canvas, which it may enlarge; of an animated PNG, the picture that programs show which know no animation.
// A file that is a second thing beside a picture (an archive, a PDF, a page or script in its comments or behind its end) is refused, though nothing of it would
// be published; a video or a further picture behind the end, as phones append them, is no reason for refusal.
//
// # Colour
//
// ICC profiles made of curves and a matrix, or of one curve for grey pictures, are converted to sRGB: Display P3, Adobe RGB, ProPhoto and the like; so is what
// PNG states by cICP, or by gAMA and cHRM. Other profiles, and the transfer functions of high dynamic range, are reported as warnings and the samples taken for sRGB.
// CMYK is converted by the plain formula; a profile of it is reported, too.
//
// # Pictures for people who have none
//
// [Pipeline.Initials] and [Pipeline.Identicon] make them in the same variants and encodings.
//
// # Budget
//
// Config.MaxBytes, MaxPixels, MaxMemory and MaxDuration bound one source and, as far as memory goes, all calls together: further ones wait. A
// cancelled context ends reading, decoding and resampling soon, whatever the file holds, except while an opt-in decoder works: these stop at their
// end, which MaxPixels bounds. A panic in a decoder is caught, logged, counted and becomes a refusal that wraps [ErrDefect].
//
// # Publishing
//
// A [Processor] carries uploads from one bucket to pictures in another, and keeps all that it knows in these two. For the kind "avatar":
//
//	uploads/avatars/<subject>/<upload id>.<ext>      an original, stored by a browser under a grant of NewUploadKey's key
//	avatars/<public id>/<upload id>/<variant>.jpg    a picture of one version, written once, cached for ever
//	avatars/<public id>/<upload id>/manifest.json    written after all of them, once
//	avatars/<public id>.jpg                          the stable name: a copy of the current picture, cached for a minute
//	records/avatars/<subject>/<upload id>.json       what became of an upload, written last; private
//
// The current version is the one with the greatest upload id that has a manifest. There is no pointer to fight for: what comes twice finds its work
// done, an older upload that comes late is published beneath the newer one, and a crash between any two steps leaves the old picture
// current and the work to be done again. The package avatartest proves that over any pair of buckets.
//
// Call [Processor.Process] for every event. Call [Processor.Recover] at the start and now and then: it finds uploads whose event was lost. Call
// [Processor.Sweep] daily: it removes what was superseded, refused or left behind. An error of Process means to try again; everything else is an [Outcome].
//
// Finding the current version takes one listing of the subject's versions, of which a page holds a thousand, and one read. The sweep keeps versions few:
// someone who uploads every minute has some 3,000 of them when the grace time is 48 hours, unless grants are limited.
//
// # What stores and clocks must do
//
// S3, GCS, Azure and memory read what was written and refuse to write twice what must be written once. gocloud.dev's driver for plain files looks and
// then writes, so that two workers on one upload may both write; they write the same bytes as long as they run the same build with the same
// configuration, so what is current stays whole. A refusal may then replace a success in the record; it is mended when the event
// comes again, or by the sweep. Whatever else a store answers, such as S3's 409 for writes that meet, is an error of Process, to be tried again.
//
// Open a folder with NoTempDir (no_tmp_dir=true in a URL). What a killed process was writing then lies beside its object, where Erase and the sweep find it;
// else it lies in the system's folder for temporary files, named after the subject. The driver keeps empty folders, and their names, for ever.
//
// gocloud.dev's driver for GCS reports a missing permission as a missing object. Grant the process to list, read, write and delete in both buckets:
// without reading, uploads seem not to be there; without deleting, Erase fails, since it lists what it deleted.
//
// Ids order uploads by the clocks of those who issue grants, so that two uploads of one person within the skew of two issuers may be taken in the wrong order.
// The clocks of workers, and the store's, decide about ages only, and may differ by a quarter of Options.OrphanAge and of Options.GraceTime.
//
// # Making pictures anew
//
// [Processor.Backfill] makes a version whose id is the successor of the one that it replaces. A new time would let a picture of last year overtake an upload
// that was granted a moment ago and is still on its way; the old id would mean to write its manifest twice, under addresses that are cached for ever. The
// successor stands above the version that it was made of and below every other upload of that person, is the same however often and by however many it is
// made, and is a version like any other for profiles, caches and the sweep. [Processor.Recrop] is its owner's doing and takes the time of the call.
package avatar

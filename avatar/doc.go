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
// missing is grey, black or transparent. It is refused as corrupt when nothing of the picture can be read, and so is a damaged WebP.
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
// cancelled context ends reading, decoding and resampling. A panic in a decoder is caught, logged, counted and becomes a refusal that wraps [ErrDefect].
package avatar

package avatar

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

// builtin are the formats that need no opt-in decoder.
func builtin() []string { return []string{sniff.JPEG, sniff.PNG, sniff.GIF, sniff.WebP} }

// inspect recognises and measures the source, and refuses what must not be decoded.
func (p *Pipeline) inspect(data []byte) (*probe.Info, error) {
	format := sniff.Detect(data)
	optional := p.optional(format)
	if optional == nil && !slices.Contains(builtin(), format) {
		return nil, unsupported(format)
	}
	info, err := measure(optional, format, data)
	if errors.Is(err, probe.ErrVariant) {
		return nil, &RejectError{Reason: ReasonUnsupportedFormat, Format: format, Err: err, Hint: "This is a rare kind of " + name(format) + ". Please save it as an ordinary JPEG or PNG."}
	}
	if err != nil {
		return nil, corrupt(format, err)
	}
	if tail := sniff.Polyglot(data, info.End, info.Comments); tail != "" {
		return nil, &RejectError{Reason: ReasonUnsupportedFormat, Format: format + "+" + tail,
			Hint: fmt.Sprintf("The file is %s and %s at once. Please export the picture alone, as JPEG or PNG.", name(format), name(tail))}
	}
	return info, p.bound(info)
}

// bound refuses sizes over the budget, before a single pixel is decoded.
func (p *Pipeline) bound(info *probe.Info) error {
	if info.Width < 1 || info.Height < 1 {
		return &RejectError{Reason: ReasonDimensions, Format: info.Format, Hint: "The picture is empty. Please choose another."}
	}
	// Both sides are below 2^31, so the product fits.
	if pixels := int64(info.Width) * int64(info.Height); pixels > p.cfg.MaxPixels {
		return tooManyPixels(info.Format, pixels, p.cfg.MaxPixels)
	}
	if info.Memory() > p.cfg.MaxMemory {
		pixels := int64(info.Width) * int64(info.Height)
		return tooManyPixels(info.Format, pixels, max(1, (p.cfg.MaxMemory-info.Base)*2/int64(info.HalfBytes)))
	}
	return nil
}

func tooManyPixels(format string, got, limit int64) error {
	return &RejectError{Reason: ReasonTooManyPixels, Format: format, Got: got, Limit: limit,
		Hint: fmt.Sprintf("The picture has too many pixels. Please reduce it to at most %.1f megapixels.", float64(limit)/1e6)}
}

// unsupported is the refusal of a format, with what to do instead.
func unsupported(format string) *RejectError {
	e := &RejectError{Reason: ReasonUnsupportedFormat, Format: format}
	switch format {
	case "":
		e.Hint = "The file is not a picture that we know. Please choose a JPEG, PNG, GIF or WebP file."
	case sniff.HEIC, sniff.AVIF:
		e.Hint = name(format) + " pictures are not supported yet. Please export the picture as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)."
	case sniff.SVG, "eps", "pdf", "wmf", "emf":
		e.Hint = name(format) + " files are drawings, not photos. Please export the picture as PNG."
	case sniff.HTML, sniff.Text, "xml", "php":
		e.Hint = "The file contains text, not a picture, whatever its name says. Please choose a JPEG, PNG, GIF or WebP file."
	case "video", "webm", "avi":
		e.Hint = "The file is a video. Please choose a still picture."
	default:
		e.Hint = name(format) + " files are not supported. Please save the picture as JPEG or PNG."
	}
	return e
}

// name is a format as people write it.
func name(format string) string {
	switch format {
	case sniff.WebP:
		return "WebP"
	case "jpegxl":
		return "JPEG XL"
	case "jpeg2000":
		return "JPEG 2000"
	case "zip", "rar", "gzip", "7z", "bzip2", "xz":
		return "Archive (" + format + ")"
	case "executable", "netpbm", "script":
		return format
	case "office":
		return "Office"
	}
	upper := []byte(format)
	for i, c := range upper {
		if c >= 'a' && c <= 'z' {
			upper[i] = c - 'a' + 'A'
		}
	}
	return string(upper)
}

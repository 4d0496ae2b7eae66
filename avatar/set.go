package avatar

// Set is everything that [Pipeline.Render] made of one source. It shares no memory with the source.
type Set struct {
	// Source describes the picture that was read.
	Source Source
	// Pictures holds one picture for each variant of the kind, largest first.
	Pictures []Picture
	// Placeholder is the ThumbHash (https://evanw.github.io/thumbhash/) of the cropped picture, in standard base64.
	Placeholder string
	// Color is the dominant colour of the cropped picture as "#rrggbb".
	Color string
}

// Source describes what the bytes were found to be; nothing in it was declared by a client.
type Source struct {
	// Format is "jpeg", "png", "gif" or "webp", or the name of an opt-in decoder.
	Format string `json:"format"`
	// Width and Height are in pixels, after orientation.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Orientation is the EXIF orientation 1 to 8 that was applied; 1 when the file has none.
	Orientation int `json:"orientation"`
	// Profile names the colour profile that was converted to sRGB; empty when the file has none.
	Profile string `json:"profile,omitempty"`
	// Warnings lists what could not be honoured, such as an unsupported colour profile or a truncated end of file.
	Warnings []string `json:"warnings,omitempty"`
	// SHA256 is the lower-case hexadecimal digest of the source bytes.
	SHA256 string `json:"sha256"`
	// Size is the length of the source in bytes.
	Size int64 `json:"size"`
}

// Picture is one encoded variant.
type Picture struct {
	// Name is the variant's name.
	Name string
	// Width and Height are the real size in pixels.
	Width, Height int
	// ContentType is the media type of Data, such as "image/jpeg".
	ContentType string
	// Ext is the file name extension without a dot, such as "jpg".
	Ext string
	// Data is the encoded picture.
	Data []byte
}

package avatar

// Kind says what a picture is for and which variants are made of it. The zero Kind is invalid; start from [AvatarKind] or [BannerKind].
type Kind struct {
	// Name is the singular, lower-case name, matching [a-z]{1,32}. Published keys start with Name+"s/".
	Name string
	// Variants are the pictures to make. All must have the same aspect ratio, to within a pixel, since one crop serves them all.
	Variants []Variant
}

// Variant is one size of a picture, in pixels.
type Variant struct {
	// Name is the last key segment without its extension, such as "512". It matches [a-z0-9_-]{1,32} and is unique within its Kind.
	Name string
	// Width and Height are the size asked for. A source smaller than this gives a smaller picture of the same
	// shape, unless Config.Upscale is set.
	Width, Height int
}

// AvatarKind returns the square kind "avatar" with the variants 512, 256, 128 and 64.
func AvatarKind() Kind {
	return Kind{Name: "avatar", Variants: []Variant{
		{Name: "512", Width: 512, Height: 512},
		{Name: "256", Width: 256, Height: 256},
		{Name: "128", Width: 128, Height: 128},
		{Name: "64", Width: 64, Height: 64},
	}}
}

// BannerKind returns the 3:1 kind "banner" with the variants 1500x500 and 750x250.
func BannerKind() Kind {
	return Kind{Name: "banner", Variants: []Variant{
		{Name: "1500x500", Width: 1500, Height: 500},
		{Name: "750x250", Width: 750, Height: 250},
	}}
}

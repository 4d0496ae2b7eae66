package probe

import (
	"encoding/binary"
	"errors"

	"github.com/cruddur/avatarkit/avatar/internal/vp8l"
)

// VP8X flags, WebP Container Specification.
const flagAnimation = 1 << 1

// Frame is the first (or only) picture of a WebP file.
type Frame struct {
	// X and Y place the frame on the canvas.
	X, Y int
	// Width and Height are the frame's own.
	Width, Height int
	// Alpha is the body of the ALPH chunk; nil without one.
	Alpha []byte
	// Data is the body of the VP8 or VP8L chunk.
	Data []byte
	// Lossless says that Data is VP8L.
	Lossless bool
}

// Chunks calls f for each RIFF chunk in data until f returns false. A last chunk that is cut short is passed as far as it goes.
func Chunks(data []byte, f func(id string, body []byte) bool) {
	for len(data) >= 8 {
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		end := min(8+size, int64(len(data)))
		if !f(string(data[:4]), data[8:end]) {
			return
		}
		data = data[min(end+size&1, int64(len(data))):]
	}
}

func (i *Info) readWebP(data []byte) error {
	if len(data) < 20 {
		return errTruncated
	}
	if end := int64(binary.LittleEndian.Uint32(data[4:])) + 8; end <= int64(len(data)) {
		i.End = int(end)
	}
	// What is behind the end does not belong to the picture, unless the length is nonsense.
	within := data
	if i.End > 0 {
		if _, err := WebPFrame(data[:i.End]); err == nil {
			within = data[:i.End]
		}
	}
	canvas, first := false, true
	Chunks(within[12:], func(id string, body []byte) bool {
		header := first && id == "VP8X" && len(body) >= 10 // elsewhere it is none
		first = false
		switch {
		case header:
			canvas = true
			i.Animated = body[0]&flagAnimation != 0
			i.Width, i.Height = uint24(body[4:])+1, uint24(body[7:])+1
		case id == "ICCP" && len(body) > MaxProfile:
			i.warn("colour profile ignored: it has more than %d bytes", MaxProfile)
		case id == "ICCP":
			i.Profile = body
		case id == "EXIF":
			i.setExif(body)
		}
		return true
	})
	frame, err := WebPFrame(data)
	if err != nil {
		return err
	}
	if !canvas {
		i.Width, i.Height = frame.Width, frame.Height
	}
	if !i.Animated && (i.Width != frame.Width || i.Height != frame.Height) {
		return errors.New("the picture's size is not that of the canvas")
	}
	if frame.X+frame.Width > i.Width || frame.Y+frame.Height > i.Height {
		return errors.New("the first frame lies outside the canvas")
	}
	i.HalfBytes, i.Base = webpMemory(frame)
	return nil
}

// webpMemory estimates what decoding takes, by pixel and beside. Everything is decoded row by row.
func webpMemory(f Frame) (halfBytes int, base int64) {
	base = 64 * int64(f.Width) // some rows
	if f.Lossless || f.Alpha != nil {
		base += vp8l.Memory(f.Width, f.Height)
	}
	return 1, base
}

// WebPFrame finds the first picture of a WebP file.
func WebPFrame(data []byte) (Frame, error) {
	var f Frame
	Chunks(data[min(12, len(data)):], func(id string, body []byte) bool {
		if id == "ANMF" && len(body) >= 16 {
			f = Frame{X: 2 * uint24(body), Y: 2 * uint24(body[3:])}
			Chunks(body[16:], f.take)
			return false
		}
		return f.take(id, body)
	})
	if f.Data == nil {
		return f, errors.New("no picture data")
	}
	var ok bool
	if f.Lossless {
		f.Width, f.Height, ok = sizeVP8L(f.Data)
	} else {
		f.Width, f.Height, ok = sizeVP8(f.Data)
	}
	if !ok {
		return f, errors.New("bad picture header")
	}
	return f, nil
}

// take keeps a chunk that belongs to the frame and says whether to go on.
func (f *Frame) take(id string, body []byte) bool {
	switch id {
	case "ALPH":
		f.Alpha = body
	case "VP8 ", "VP8L":
		f.Data, f.Lossless = body, id == "VP8L"
		return false
	}
	return true
}

// sizeVP8 reads a key frame's header, RFC 6386 section 9.1.
func sizeVP8(b []byte) (w, h int, ok bool) {
	if len(b) < 10 || b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return 0, 0, false
	}
	return int(binary.LittleEndian.Uint16(b[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(b[8:])) & 0x3fff, true
}

// sizeVP8L reads the header of a lossless picture, WebP Lossless Bitstream Specification section 3.
func sizeVP8L(b []byte) (w, h int, ok bool) {
	if len(b) < 5 || b[0] != 0x2f {
		return 0, 0, false
	}
	bits := binary.LittleEndian.Uint32(b[1:])
	return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, true
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

package probe

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
)

func (i *Info) readPNG(data []byte) error {
	pos := 8
	header := false
	sawData := false
	for pos+8 <= len(data) {
		size := int64(binary.BigEndian.Uint32(data[pos:]))
		kind := string(data[pos+4 : pos+8])
		end := int64(pos) + 8 + size
		if !header && kind != "IHDR" {
			return errors.New("the first chunk is not IHDR")
		}
		body := data[pos+8 : min(end, int64(len(data)))]
		switch kind {
		case "IHDR":
			if header || size != 13 || len(body) < 13 {
				return errors.New("bad IHDR chunk")
			}
			header = true
			if err := i.ihdr(body); err != nil {
				return err
			}
		case "iCCP", "sRGB", "gAMA", "cHRM", "cICP", "eXIf":
			// As libpng has it: a damaged chunk is as good as none, and colours are stated before the picture data.
			if intact(data[pos:], size) && (!sawData || kind == "eXIf") {
				i.describe(kind, body)
			}
		case "acTL":
			i.Animated = true
		case "tEXt":
			i.Comments = append(i.Comments, body)
		case "IDAT":
			sawData = true
		}
		if end+4 > int64(len(data)) {
			break
		}
		pos = int(end) + 4
		if kind == "IEND" {
			i.End = pos
			break
		}
	}
	if !header {
		return errTruncated
	}
	if !sawData {
		return errors.New("no picture data")
	}
	if i.iccp != nil {
		i.Profile = i.inflateProfile(i.iccp)
	}
	return nil
}

// describe keeps what a chunk says about the colours or the orientation.
func (i *Info) describe(kind string, body []byte) {
	switch {
	case kind == "eXIf":
		i.setExif(body)
	case kind == "iCCP" && i.iccp == nil:
		i.iccp = body
	case kind == "sRGB":
		i.SRGB = true
	case kind == "gAMA" && len(body) == 4:
		i.Gamma = float64(binary.BigEndian.Uint32(body)) / 100000
	case kind == "cHRM" && len(body) == 32:
		i.Chroma = new(icc.Primaries)
		for k := range i.Chroma {
			i.Chroma[k] = float64(int32(binary.BigEndian.Uint32(body[4*k:]))) / 100000
		}
	case kind == "cICP" && len(body) == 4:
		i.CICP = (*[4]byte)(body)
	}
}

// intact says whether the chunk at the start of data is there whole, with the right checksum.
func intact(data []byte, size int64) bool {
	if int64(len(data)) < 12+size {
		return false
	}
	return crc32.ChecksumIEEE(data[4:8+size]) == binary.BigEndian.Uint32(data[8+size:])
}

func (i *Info) ihdr(body []byte) error {
	w, h := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if w > 1<<31-1 || h > 1<<31-1 {
		return errors.New("a side over 2^31-1 pixels")
	}
	i.Width, i.Height = int(w), int(h)
	depth, colour, interlaced := body[8], body[9], body[12] == 1
	switch {
	case depth == 16 && colour == 0:
		i.HalfBytes = 4
	case depth == 16:
		i.HalfBytes = 16
	case colour == 0 || colour == 3:
		i.HalfBytes = 2
	default:
		i.HalfBytes = 8
	}
	if colour == 0 || colour == 4 {
		i.Channels = 1
		i.HalfBytes = max(i.HalfBytes, 8) // grey with tRNS decodes to NRGBA
		if depth == 16 {
			i.HalfBytes = 16
		}
	}
	if interlaced {
		i.HalfBytes *= 2 // every pass is decoded to a picture of its own
	}
	return nil
}

// inflateProfile decompresses an iCCP chunk: name, zero, method, zlib stream.
func (i *Info) inflateProfile(chunk []byte) []byte {
	_, rest, ok := bytes.Cut(chunk, []byte{0})
	if !ok || len(rest) < 2 {
		i.warn("colour profile ignored: bad iCCP chunk")
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		i.warn("colour profile ignored: %v", err)
		return nil
	}
	profile, err := io.ReadAll(io.LimitReader(z, MaxProfile+1))
	if err != nil || len(profile) > MaxProfile {
		i.warn("colour profile ignored: it does not decompress to at most %d bytes", MaxProfile)
		return nil
	}
	return profile
}

package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// JPEG markers, ITU-T T.81 table B.1.
const (
	markerSOF0 = 0xc0
	markerSOF2 = 0xc2
	markerDHT  = 0xc4
	markerJPG  = 0xc8
	markerDAC  = 0xcc
	markerSOFF = 0xcf
	markerRST0 = 0xd0
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerAPP1 = 0xe1
	markerAPP2 = 0xe2
	markerCOM  = 0xfe
)

var errTruncated = errors.New("the file ends inside its header")

func (i *Info) readJPEG(data []byte) error {
	var chunks profileChunks
	found := false
	pos := 2
	for {
		marker, next, ok := nextMarker(data, pos)
		if !ok {
			return errTruncated
		}
		pos = next
		if marker == markerEOI {
			return errors.New("no picture before the end marker")
		}
		if marker == markerSOI || marker == 0x01 || marker >= markerRST0 && marker < markerSOI {
			continue // markers without a segment
		}
		if pos+2 > len(data) {
			return errTruncated
		}
		size := int(binary.BigEndian.Uint16(data[pos:]))
		if size < 2 || pos+size > len(data) {
			return errTruncated
		}
		segment := data[pos+2 : pos+size]
		pos += size
		switch {
		case marker == markerSOS:
			if !found {
				return errors.New("a scan before the frame header")
			}
			if len(segment) > 0 && int(segment[0]) < i.Channels {
				i.HalfBytes = i.scattered // not all components at once
			}
			i.Profile = chunks.join(i)
			i.End = endOfScans(data, pos)
			return nil
		case marker >= markerSOF0 && marker <= markerSOFF && marker != markerDHT && marker != markerJPG && marker != markerDAC:
			if found {
				return errors.New("two frame headers")
			}
			if err := i.frame(marker, segment); err != nil {
				return err
			}
			found = true
		case marker == markerAPP1 && bytes.HasPrefix(segment, []byte("Exif\x00")):
			i.setExif(segment)
		case marker == markerAPP2:
			chunks.add(segment)
		case marker == markerCOM:
			i.Comments = append(i.Comments, segment)
		}
	}
}

// nextMarker finds the next marker at or behind pos, over fill bytes and the garbage that some writers leave between segments.
func nextMarker(data []byte, pos int) (marker byte, next int, ok bool) {
	for {
		k := bytes.IndexByte(data[min(pos, len(data)):], 0xff)
		if k < 0 {
			return 0, 0, false
		}
		pos += k
		for pos < len(data) && data[pos] == 0xff {
			pos++
		}
		if pos >= len(data) {
			return 0, 0, false
		}
		if data[pos] != 0 {
			return data[pos], pos + 1, true
		}
	}
}

func (i *Info) frame(marker byte, segment []byte) error {
	if len(segment) < 6 || len(segment) < 6+3*int(segment[5]) {
		return errTruncated
	}
	if marker > markerSOF2 {
		return fmt.Errorf("%w: JPEG process %d (lossless, hierarchical or arithmetic)", ErrVariant, marker-markerSOF0)
	}
	if segment[0] != 8 {
		return fmt.Errorf("%w: JPEG with %d bits a sample", ErrVariant, segment[0])
	}
	i.Height = int(binary.BigEndian.Uint16(segment[1:]))
	i.Width = int(binary.BigEndian.Uint16(segment[3:]))
	components := int(segment[5])
	i.Channels = components
	samples, hmax, vmax := 0, 1, 1
	for k := range components {
		h, v := int(segment[6+3*k+1]>>4), int(segment[6+3*k+1]&15)
		samples += h * v
		hmax, vmax = max(hmax, h), max(vmax, v)
	}
	most := hmax * vmax
	// Pictures whose parts come in several scans are collected as coefficients: 16 bits each, and one to say whether it is zero. The others pass in strips.
	i.scattered = (samples*17/4 + most) / most
	i.HalfBytes = 1
	if marker == markerSOF2 {
		i.HalfBytes = i.scattered
	}
	return nil
}

// endOfScans returns the offset behind the end marker that follows pos, or 0.
func endOfScans(data []byte, pos int) int {
	for {
		marker, next, ok := nextMarker(data, pos)
		if !ok {
			return 0
		}
		pos = next
		switch {
		case marker == markerEOI:
			return pos
		case marker >= markerRST0 && marker <= markerSOI || marker == 0x01:
		default:
			if pos+2 > len(data) {
				return 0
			}
			pos += max(2, int(binary.BigEndian.Uint16(data[pos:])))
		}
	}
}

// profileChunks are the parts of an ICC profile in APP2 segments (ICC.1:2022 annex B.4).
type profileChunks struct {
	parts [256][]byte
	count int
	size  int
}

func (c *profileChunks) add(segment []byte) {
	body, ok := bytes.CutPrefix(segment, []byte("ICC_PROFILE\x00"))
	if !ok || len(body) < 2 {
		return
	}
	if number := body[0]; number > 0 && c.parts[number] == nil {
		c.parts[number] = body[2:]
		c.count = int(body[1])
		c.size += len(body) - 2
	}
}

func (c *profileChunks) join(i *Info) []byte {
	if c.size == 0 {
		return nil
	}
	if c.size > MaxProfile {
		i.warn("colour profile of %d bytes ignored", c.size)
		return nil
	}
	profile := make([]byte, 0, c.size)
	for n := 1; n <= c.count; n++ {
		if c.parts[n] == nil {
			i.warn("colour profile ignored: part %d of %d is missing", n, c.count)
			return nil
		}
		profile = append(profile, c.parts[n]...)
	}
	return profile
}

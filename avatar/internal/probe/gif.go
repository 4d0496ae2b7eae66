package probe

import (
	"encoding/binary"
	"errors"
)

func (i *Info) readGIF(data []byte) error {
	if len(data) < 13 {
		return errTruncated
	}
	i.Width = int(binary.LittleEndian.Uint16(data[6:]))
	i.Height = int(binary.LittleEndian.Uint16(data[8:]))
	i.HalfBytes = 8
	pos := 13
	if data[10]&0x80 != 0 {
		pos += 3 << (data[10]&7 + 1)
	}
	frames := 0
	for pos < len(data) {
		switch data[pos] {
		case 0x21: // an extension: label, then sub-blocks
			if pos+2 > len(data) {
				pos = len(data)
				break
			}
			label, body, next := data[pos+1], pos+2, subBlocks(data, pos+2)
			if label == 0xfe {
				i.Comments = append(i.Comments, data[min(body, len(data)):min(next, len(data))])
			}
			pos = next
		case 0x2c: // an image descriptor: place, flags, colours, code size, sub-blocks
			if pos+10 > len(data) {
				pos = len(data)
				break
			}
			frames++
			flags := data[pos+9]
			if frames == 1 {
				// Some writers leave the canvas at zero, or smaller than the first frame; browsers then enlarge it.
				i.Width = max(i.Width, int(binary.LittleEndian.Uint16(data[pos+1:]))+int(binary.LittleEndian.Uint16(data[pos+5:])))
				i.Height = max(i.Height, int(binary.LittleEndian.Uint16(data[pos+3:]))+int(binary.LittleEndian.Uint16(data[pos+7:])))
			}
			pos += 10
			if flags&0x80 != 0 {
				pos += 3 << (flags&7 + 1)
			}
			pos = subBlocks(data, pos+1)
		case 0x3b:
			i.End = pos + 1
			pos = len(data)
		default:
			pos = len(data)
		}
	}
	if frames == 0 {
		return errors.New("no picture in the file")
	}
	i.Animated = frames > 1
	return nil
}

// subBlocks returns the offset behind the chain of sub-blocks at pos.
func subBlocks(data []byte, pos int) int {
	for pos < len(data) {
		n := int(data[pos])
		pos += 1 + n
		if n == 0 {
			return pos
		}
	}
	return len(data)
}

package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"

	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// decodeWebP decodes the first picture. It is wrapped anew as a plain still: golang.org/x/image/webp knows no animation, and refuses files
// whose header promises alpha that is not there.
func decodeWebP(ctx context.Context, info *probe.Info, data []byte) (Result, error) {
	frame, err := probe.WebPFrame(data)
	if err != nil {
		return Result{}, err
	}
	m, err := webp.Decode(reader(ctx, still(frame)))
	if err != nil {
		return Result{}, err
	}
	if m.Bounds() != info.Bounds() && info.Animated {
		return Result{Rows: resample.Place(m, !frame.Lossless, info.Bounds(), image.Pt(frame.X, frame.Y))}, nil
	}
	return Result{Rows: resample.FromImage(m, !frame.Lossless)}, nil
}

func still(f probe.Frame) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WEBP")
	kind := "VP8 "
	if f.Lossless {
		kind = "VP8L"
	} else if f.Alpha != nil {
		head := [10]byte{0: 1 << 4}
		putUint24(head[4:], f.Width-1)
		putUint24(head[7:], f.Height-1)
		writeRIFF(&b, "VP8X", head[:])
		writeRIFF(&b, "ALPH", f.Alpha)
	}
	writeRIFF(&b, kind, f.Data)
	out := b.Bytes()
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func writeRIFF(b *bytes.Buffer, id string, body []byte) {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], uint32(len(body)))
	b.WriteString(id)
	b.Write(n[:])
	b.Write(body)
	if len(body)%2 == 1 {
		b.WriteByte(0)
	}
}

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16) }

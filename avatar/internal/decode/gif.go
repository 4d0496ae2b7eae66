package decode

import (
	"compress/lzw"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// GIF flags and labels, GIF89a specification sections 18 to 23.
const (
	flagColorTable = 0x80
	flagInterlaced = 0x40
	labelControl   = 0xf9
)

var errGIFHeader = errors.New("gif: the file ends before its first picture")

// decodeGIF decodes the first frame onto the canvas. image/gif gives the frame's rectangle instead, and refuses what browsers show:
// frames that reach over the canvas, and data that ends early.
func decodeGIF(ctx context.Context, info *probe.Info, data []byte) (Result, error) {
	f, err := firstFrame(data)
	if err != nil {
		return Result{}, err
	}
	canvas := image.NewNRGBA(info.Bounds())
	got, err := f.draw(ctx, canvas)
	if err != nil && got == 0 {
		return Result{}, fmt.Errorf("gif: %w", err)
	}
	result := Result{Rows: resample.FromImage(canvas, false)}
	if err != nil {
		result.Warnings = []string{damaged}
	}
	return result, nil
}

type gifFrame struct {
	rect        image.Rectangle
	palette     [256][4]byte // straight RGBA; what the table lacks is black
	interlaced  bool
	transparent int // index, or -1
	data        []byte
}

func firstFrame(data []byte) (*gifFrame, error) {
	f := &gifFrame{transparent: -1}
	pos := 13
	var table []byte
	if flags := data[10]; flags&flagColorTable != 0 {
		n := 3 << (flags&7 + 1)
		if pos+n > len(data) {
			return nil, errGIFHeader
		}
		table = data[pos : pos+n]
		pos += n
	}
	for pos < len(data) {
		switch data[pos] {
		case 0x21:
			if pos+2 > len(data) {
				return nil, errGIFHeader
			}
			if body := data[pos+2:]; data[pos+1] == labelControl && len(body) >= 5 && body[0] >= 4 && body[1]&1 != 0 {
				f.transparent = int(body[4])
			}
			pos += 2
			for pos < len(data) && data[pos] != 0 {
				pos += 1 + int(data[pos])
			}
			pos++
		case 0x2c:
			if pos+10 > len(data) {
				return nil, errGIFHeader
			}
			x, y := binary.LittleEndian.Uint16(data[pos+1:]), binary.LittleEndian.Uint16(data[pos+3:])
			w, h := binary.LittleEndian.Uint16(data[pos+5:]), binary.LittleEndian.Uint16(data[pos+7:])
			flags := data[pos+9]
			pos += 10
			f.rect = image.Rect(int(x), int(y), int(x)+int(w), int(y)+int(h))
			f.interlaced = flags&flagInterlaced != 0
			if flags&flagColorTable != 0 {
				n := 3 << (flags&7 + 1)
				if pos+n > len(data) {
					return nil, errGIFHeader
				}
				table = data[pos : pos+n]
				pos += n
			}
			if len(table) == 0 {
				return nil, errors.New("gif: no colour table")
			}
			f.setPalette(table)
			f.data = data[pos:]
			return f, nil
		default:
			return nil, fmt.Errorf("gif: unknown block 0x%02x", data[pos])
		}
	}
	return nil, errGIFHeader
}

func (f *gifFrame) setPalette(table []byte) {
	for i := range f.palette {
		f.palette[i] = [4]byte{3: 0xff}
		if 3*i+3 <= len(table) {
			copy(f.palette[i][:3], table[3*i:])
		}
	}
	if f.transparent >= 0 {
		f.palette[f.transparent] = [4]byte{}
	}
}

// draw writes the frame's pixels to the canvas and returns how many the data held.
func (f *gifFrame) draw(ctx context.Context, canvas *image.NRGBA) (int, error) {
	if f.rect.Empty() {
		return 0, errors.New("the first frame is empty")
	}
	if len(f.data) == 0 || f.data[0] < 1 || f.data[0] > 8 {
		return 0, errors.New("bad code size")
	}
	codes := lzw.NewReader(&contextReader{ctx, &blockReader{data: f.data[1:]}}, lzw.LSB, max(2, int(f.data[0])))
	row := make([]byte, f.rect.Dx())
	got := 0
	for _, y := range f.rows() {
		n, err := io.ReadFull(codes, row)
		got += n
		f.drawRow(canvas, f.rect.Min.Y+y, row[:n])
		if err != nil {
			return got, err
		}
	}
	return got, nil
}

// drawRow writes the part of a frame's row that lies on the canvas.
func (f *gifFrame) drawRow(canvas *image.NRGBA, y int, row []byte) {
	if y >= canvas.Rect.Max.Y || f.rect.Min.X >= canvas.Rect.Max.X {
		return
	}
	dst := canvas.Pix[canvas.PixOffset(f.rect.Min.X, y):canvas.PixOffset(canvas.Rect.Max.X, y)]
	for i, index := range row[:min(len(row), len(dst)/4)] {
		copy(dst[4*i:4*i+4], f.palette[index][:])
	}
}

// rows returns the frame's rows in the order in which the data holds them.
func (f *gifFrame) rows() []int {
	h := f.rect.Dy()
	order := make([]int, 0, h)
	if !f.interlaced {
		for y := range h {
			order = append(order, y)
		}
		return order
	}
	for _, pass := range [4][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
		for y := pass[0]; y < h; y += pass[1] {
			order = append(order, y)
		}
	}
	return order
}

// blockReader reads the bytes of a chain of sub-blocks.
type blockReader struct {
	data  []byte
	block []byte
}

func (r *blockReader) Read(p []byte) (int, error) {
	for len(r.block) == 0 {
		if len(r.data) == 0 || r.data[0] == 0 {
			return 0, io.EOF
		}
		n := min(1+int(r.data[0]), len(r.data))
		r.block, r.data = r.data[1:n], r.data[n:]
	}
	n := copy(p, r.block)
	r.block = r.block[n:]
	return n, nil
}

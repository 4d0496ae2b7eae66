package decode

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"image/png"
	"io"
	"runtime"

	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// decodePNG decodes what is whole. A file that is cut short or damaged is shown as far as it goes, as browsers do.
func decodePNG(ctx context.Context, data []byte) (Result, error) {
	var whole error
	if sound(data) {
		if rows := newPNGRows(data); rows != nil {
			return Result{Rows: rows}, nil
		}
		m, err := png.Decode(reader(ctx, data))
		if err == nil {
			return Result{Rows: resample.FromImage(m, false)}, nil
		}
		if ctx.Err() != nil {
			return Result{}, err
		}
		whole = err
		runtime.GC() // the pixels so far are garbage, and would count twice
	}
	mended := mendPNG(data)
	if mended == nil {
		return Result{}, cmp.Or(whole, errPNGEmpty)
	}
	m, err := png.Decode(&contextReader{ctx, mended})
	if err != nil || mended.good() == 0 {
		return Result{}, cmp.Or(whole, err, errPNGEmpty)
	}
	return Result{Rows: resample.FromImage(m, false), Warnings: []string{damaged}}, nil
}

var errPNGEmpty = errors.New("png: no picture data can be read")

// sound says whether every chunk up to IEND is there with the right checksum. It spares decoding twice what is cut short, or altered on its way.
func sound(data []byte) bool {
	for pos := len(pngSignature); pos+12 <= len(data); {
		end := int64(pos) + 8 + int64(binary.BigEndian.Uint32(data[pos:]))
		if end+4 > int64(len(data)) || crc32.ChecksumIEEE(data[pos+4:end]) != binary.BigEndian.Uint32(data[end:]) {
			return false
		}
		if string(data[pos+4:pos+8]) == "IEND" {
			return true
		}
		pos = int(end) + 4
	}
	return false
}

// mender is a PNG stream made anew from the readable parts of a damaged one: header, palette and transparency with fresh checksums, then the
// picture data as far as it can be decompressed, followed by zeros (rows of empty pixels).
type mender struct {
	head  bytes.Reader
	data  io.Reader // the decompressed rows that are left
	block [0x8000]byte
	body  bytes.Buffer // of the next IDAT chunk. Both are used again, so that no garbage counts beside the pixels
	rows  int64        // bytes of rows that the decoder will want
	read  int64        // bytes of rows that came from the file
	out   bytes.Buffer
	adler hash.Hash32
	begun bool
	ended bool
}

const pngSignature = "\x89PNG\r\n\x1a\n"

func mendPNG(data []byte) *mender {
	var head bytes.Buffer
	head.WriteString(pngSignature)
	var rows int64
	var parts [][]byte
	pos := len(pngSignature)
	for pos+8 <= len(data) {
		size := int64(binary.BigEndian.Uint32(data[pos:]))
		kind := string(data[pos+4 : pos+8])
		body := data[pos+8 : min(int64(pos)+8+size, int64(len(data)))]
		switch kind {
		case "IHDR":
			if rows != 0 || len(body) != 13 {
				return nil
			}
			rows = rowBytes(body)
			writeChunk(&head, kind, body)
		case "PLTE", "tRNS":
			if int64(len(body)) == size && len(body) <= 768 && parts == nil {
				writeChunk(&head, kind, body)
			}
		case "IDAT":
			parts = append(parts, body)
		}
		if kind == "IEND" || int64(pos)+12+size > int64(len(data)) {
			break
		}
		pos += 12 + int(size)
	}
	if rows == 0 || parts == nil {
		return nil
	}
	var readers []io.Reader
	for _, p := range parts {
		readers = append(readers, bytes.NewReader(p))
	}
	z, err := zlib.NewReader(io.MultiReader(readers...))
	if err != nil {
		return nil
	}
	m := &mender{data: z, rows: rows, adler: adler32.New()}
	m.head.Reset(head.Bytes())
	return m
}

// good returns how many bytes of rows came from the file.
func (m *mender) good() int64 { return m.read }

func (m *mender) Read(p []byte) (int, error) {
	if m.head.Len() > 0 {
		return m.head.Read(p)
	}
	if m.out.Len() == 0 {
		if m.ended {
			return 0, io.EOF
		}
		m.fill()
	}
	return m.out.Read(p)
}

// fill makes the next IDAT chunk: one stored block of the zlib stream (RFC 1951 section 3.2.4), or the end of the file.
func (m *mender) fill() {
	body := &m.body
	body.Reset()
	if !m.begun {
		m.begun = true
		body.Write([]byte{0x78, 0x01})
	}
	block := m.block[:min(m.rows, int64(len(m.block)))]
	n := 0
	if m.data != nil {
		var err error
		if n, err = io.ReadFull(m.data, block); err != nil {
			m.data = nil
		}
		m.read += int64(n)
	}
	clear(block[n:])
	m.rows -= int64(len(block))
	m.adler.Write(block)
	last := byte(0)
	if m.rows == 0 {
		last = 1
	}
	body.Write([]byte{last, byte(len(block)), byte(len(block) >> 8), ^byte(len(block)), ^byte(len(block) >> 8)})
	body.Write(block)
	if last == 1 {
		body.Write(m.adler.Sum(nil))
	}
	writeChunk(&m.out, "IDAT", body.Bytes())
	if last == 1 {
		writeChunk(&m.out, "IEND", nil)
		m.ended = true
	}
}

func writeChunk(w *bytes.Buffer, kind string, body []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(body)))
	w.Write(n[:])
	sum := crc32.NewIEEE()
	for _, part := range [][]byte{[]byte(kind), body} {
		w.Write(part)
		sum.Write(part)
	}
	w.Write(sum.Sum(nil))
}

// rowBytes returns the length of the decompressed picture data that an IHDR asks for, filter bytes included.
func rowBytes(ihdr []byte) int64 {
	w, h := int64(binary.BigEndian.Uint32(ihdr)), int64(binary.BigEndian.Uint32(ihdr[4:]))
	channels := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[ihdr[9]]
	bits := channels * int64(ihdr[8])
	line := func(w int64) int64 { return 1 + (w*bits+7)/8 }
	if ihdr[12] == 0 {
		return h * line(w)
	}
	var total int64
	for _, p := range [7][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		pw, ph := (w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3]
		if pw > 0 && ph > 0 {
			total += ph * line(pw)
		}
	}
	return total
}

package resample

import (
	"encoding/binary"
	"image"
)

// maxBox bounds the squares that are averaged, so that their sums fit 16 bits.
const maxBox = 16

// boxSide is the side of the squares to average for a reduction by scale: as large as leaves the filter a factor of two or more.
func boxSide(scale float64) int { return min(max(int(scale/2), 1), maxBox) }

// box is a rectangle of samples that are averaged into one.
type box struct{ x, y int }

// grid returns the grid of the averages over part of a plane, of which a sample covers so many pixels.
func (b box) grid(part image.Rectangle, unitX, unitY float64) Grid {
	return Grid{
		Width: (part.Dx() + b.x - 1) / b.x, Height: (part.Dy() + b.y - 1) / b.y,
		X: float64(part.Min.X) * unitX, Y: float64(part.Min.Y) * unitY,
		UnitX: float64(b.x) * unitX, UnitY: float64(b.y) * unitY,
	}
}

// planeBox averages the rows of a plane.
type planeBox struct {
	box
	rows int
	sums []uint16 // 8 more than are used
	mean []byte
	last int // samples in the last sum of a row
}

func newPlaneBox(b box, width int) *planeBox {
	n := (width + b.x - 1) / b.x
	return &planeBox{box: b, sums: make([]uint16, n+8), mean: make([]byte, n), last: width - (n-1)*b.x}
}

// add takes a row and returns a row of averages when one is complete, which it is after the last row.
func (p *planeBox) add(row []byte, last bool) []byte {
	if p.x == 1 && p.y == 1 {
		return row
	}
	p.sum(row)
	p.rows++
	if p.rows < p.y && !last {
		return nil
	}
	n := len(p.mean)
	all := reciprocal(p.x * p.rows)
	for i, v := range p.sums[:n] {
		p.mean[i] = all.of(uint32(v))
	}
	p.mean[n-1] = reciprocal(p.last * p.rows).of(uint32(p.sums[n-1]))
	clear(p.sums)
	p.rows = 0
	return p.mean
}

// sum adds a row to the sums.
func (p *planeBox) sum(row []byte) {
	sums := p.sums
	const even = 0x00ff00ff00ff00ff
	switch p.x {
	case 2:
		for len(row) >= 8 && len(sums) >= 4 {
			v := binary.LittleEndian.Uint64(row)
			v = v&even + v>>8&even
			s := (*[4]uint16)(sums)
			s[0] += uint16(v)
			s[1] += uint16(v >> 16)
			s[2] += uint16(v >> 32)
			s[3] += uint16(v >> 48)
			row, sums = row[8:], sums[4:]
		}
	case 4:
		for len(row) >= 8 && len(sums) >= 2 {
			v := binary.LittleEndian.Uint64(row)
			v = v&even + v>>8&even
			v += v >> 16
			s := (*[2]uint16)(sums)
			s[0] += uint16(v)
			s[1] += uint16(v >> 32)
			row, sums = row[8:], sums[2:]
		}
	}
	for ; len(row) > 0; sums = sums[1:] {
		n := min(p.x, len(row))
		total := uint16(0)
		for _, v := range row[:n] {
			total += uint16(v)
		}
		sums[0] += total
		row = row[n:]
	}
}

// inverse divides sums of up to 256 bytes by how many they are, and rounds.
type inverse uint32

func reciprocal(n int) inverse { return inverse((1<<22 + n - 1) / n) }

func (r inverse) of(sum uint32) byte { return byte((sum*uint32(r) + 1<<21) >> 22) }

// pixelBox averages rows of pixels of three or four bytes, and takes them apart into planes.
type pixelBox struct {
	box
	pixel  int // bytes
	rows   int
	sums   []uint64 // red, green, blue, alpha, 16 bits each
	planes [][]byte
	last   int
}

func newPixelBox(b box, width, pixel, planes int) *pixelBox {
	n := (width + b.x - 1) / b.x
	p := &pixelBox{box: b, pixel: pixel, sums: make([]uint64, n), planes: make([][]byte, planes), last: width - (n-1)*b.x}
	for i := range p.planes {
		p.planes[i] = make([]byte, n)
	}
	return p
}

// spread puts the four bytes of a pixel into the four quarters of a word.
func spread(pixel uint32) uint64 {
	v := uint64(pixel)
	v = (v | v<<16) & 0x0000ffff0000ffff
	return (v | v<<8) & 0x00ff00ff00ff00ff
}

// add takes a row, with at least a byte behind it if pixels have three, and says whether the planes hold a row of averages.
func (p *pixelBox) add(row []byte, last bool) bool {
	sums := p.sums
	if p.x == 2 && p.pixel == 3 { // the usual one, of a picture from a phone
		for len(sums) > 1 {
			px := (*[7]byte)(row)
			sums[0] += spread(binary.LittleEndian.Uint32(px[:])) + spread(binary.LittleEndian.Uint32(px[3:]))
			row, sums = row[6:], sums[1:]
		}
	}
	for ; len(sums) > 0; sums = sums[1:] {
		n := p.x
		if len(sums) == 1 {
			n = p.last
		}
		for range n {
			sums[0] += spread(binary.LittleEndian.Uint32(row))
			row = row[p.pixel:]
		}
	}
	p.rows++
	if p.rows < p.y && !last {
		return false
	}
	all := reciprocal(p.x * p.rows)
	for c, plane := range p.planes {
		plane = plane[:len(p.sums)]
		for i, v := range p.sums {
			plane[i] = all.of(uint32(v>>(16*c)) & 0xffff)
		}
		plane[len(plane)-1] = reciprocal(p.last * p.rows).of(uint32(p.sums[len(plane)-1]>>(16*c)) & 0xffff)
	}
	clear(p.sums)
	p.rows = 0
	return true
}

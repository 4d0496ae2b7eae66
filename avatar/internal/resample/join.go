package resample

import (
	"bytes"
	"image"
	"slices"
)

// joiner makes rows of pixels of the rows of planes, which come in any order between planes. Samples of smaller planes are repeated.
type joiner struct {
	layout  Layout
	convert func(s [4]byte) (r, g, b byte)
	queues  []queue
	columns [][]int // the sample of each pixel of a row
	height  int
	next    int      // the next row of pixels
	row     []uint16 // the result: straight red, green, blue, alpha
	done    func(y int)
}

// queue holds the rows of one plane that are still needed.
type queue struct {
	rows  [][]byte
	first int
}

func newJoiner(layout Layout, rect image.Rectangle, row []uint16, done func(y int)) *joiner {
	layout.Grids = slices.Clone(layout.Grids)
	j := &joiner{layout: layout, convert: rgbOf(layout.Model), height: rect.Dy(), row: row, done: done}
	j.queues = make([]queue, len(layout.Grids))
	for _, g := range layout.Grids {
		columns := make([]int, rect.Dx())
		for x := range columns {
			columns[x] = g.column(rect.Min.X + x)
		}
		j.columns = append(j.columns, columns)
	}
	for i := range layout.Grids { // so that the rows of the grid count from those of the rectangle
		j.layout.Grids[i].Y -= float64(rect.Min.Y)
	}
	return j
}

func (g *Grid) column(x int) int {
	return min(max(int((float64(x)+0.5-g.X)/g.UnitX), 0), g.Width-1)
}

func (g *Grid) line(y int) int {
	return min(max(int((float64(y)+0.5-g.Y)/g.UnitY), 0), g.Height-1)
}

func (j *joiner) add(plane int, row []byte) {
	j.queues[plane].rows = append(j.queues[plane].rows, bytes.Clone(row))
	for j.next < j.height && j.complete() {
		j.join()
		j.done(j.next)
		j.next++
		j.drop()
	}
}

func (j *joiner) complete() bool {
	for i, q := range j.queues {
		if j.layout.Grids[i].line(j.next) >= q.first+len(q.rows) {
			return false
		}
	}
	return true
}

// drop forgets the rows that the next row of pixels does not need.
func (j *joiner) drop() {
	for i := range j.queues {
		q := &j.queues[i]
		for need := j.layout.Grids[i].line(j.next); q.first < need && len(q.rows) > 0; q.first++ {
			q.rows = q.rows[1:]
		}
	}
}

func (j *joiner) join() {
	var rows [5][]byte
	for i, q := range j.queues {
		rows[i] = q.rows[j.layout.Grids[i].line(j.next)-q.first]
	}
	colors := j.layout.Model.planes()
	for x := range len(j.row) / 4 {
		var s [4]byte
		for i := range colors {
			s[i] = rows[i][j.columns[i][x]]
		}
		a := byte(255)
		if j.layout.Alpha {
			a = rows[colors][j.columns[colors][x]]
		}
		r, g, b := j.convert(s)
		for c, v := range [3]byte{r, g, b} {
			if a != 255 {
				v = straight(v, a)
			}
			j.row[4*x+c] = uint16(v) * 0x101
		}
		j.row[4*x+3] = uint16(a) * 0x101
	}
}

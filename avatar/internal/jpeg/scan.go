package jpeg

import "encoding/binary"

// scan is the header of one scan, T.81 section B.2.3.
type scan struct {
	comps  []scanComponent
	ss, se int // spectral selection: the first and last coefficient, in zigzag order
	ah, al uint
}

type scanComponent struct {
	index  int
	dc, ac *huffman // nil when not defined
}

// nextScan reads on to the next scan header and behind it. It returns nil at the end of the picture.
func (d *Decoder) nextScan() (*scan, error) {
	marker, err := d.segments()
	if err != nil || marker != markerSOS {
		return nil, err
	}
	return d.scanHere()
}

// scanHere reads the scan header at d.at, of which segments has checked the length.
func (d *Decoder) scanHere() (*scan, error) {
	n := int(binary.BigEndian.Uint16(d.data[d.at:]))
	body := d.data[d.at+2 : d.at+n]
	d.at += n
	return d.readScan(body)
}

// readScan checks the body of an SOS segment.
func (d *Decoder) readScan(body []byte) (*scan, error) {
	if len(body) < 1 || len(body) != 4+2*int(body[0]) || body[0] < 1 || int(body[0]) > len(d.comps) {
		return nil, FormatError("a scan header has the wrong length")
	}
	n := int(body[0])
	tail := body[1+2*n:]
	s := &scan{ss: int(tail[0]), se: int(tail[1]), ah: uint(tail[2] >> 4), al: uint(tail[2] & 15)}
	if !d.Progressive { // What the header says is without meaning, and some writers leave it 0.
		s.ss, s.se, s.ah, s.al = 0, 63, 0, 0
	}
	if s.ss > s.se || s.se > 63 || s.al > 13 || s.ah != 0 && s.ah != s.al+1 ||
		d.Progressive && (s.ss == 0) != (s.se == 0) || s.ss > 0 && n > 1 {
		return nil, FormatError("a scan has bad progression parameters")
	}
	blocks := 0
	for i := range n {
		id, tables := body[1+2*i], body[2+2*i]
		index := -1
		for j, c := range d.comps {
			if c.id == id {
				index = j
			}
		}
		if index < 0 || tables>>4 > 3 || tables&15 > 3 {
			return nil, FormatError("a scan names a component or table that is not there")
		}
		for _, c := range s.comps {
			if c.index == index {
				return nil, FormatError("a scan names a component twice")
			}
		}
		c := scanComponent{index, d.dc[tables>>4], d.ac[tables&15]}
		if s.ss == 0 && s.ah == 0 && c.dc == nil || s.se > 0 && c.ac == nil {
			return nil, FormatError("a scan uses a Huffman table that is not defined")
		}
		s.comps = append(s.comps, c)
		blocks += d.comps[index].h * d.comps[index].v
	}
	if n > 1 && blocks > 10 {
		return nil, FormatError("an MCU has more than ten blocks")
	}
	return s, nil
}

// mcus returns how many MCUs across and down the scan has. One of a single component has a block in each, and only those that
// the component's size needs (section A.2.2).
func (d *Decoder) mcus(s *scan) (across, down int) {
	if len(s.comps) == 1 {
		c := d.comps[s.comps[0].index]
		return ceilDiv(c.width, 8), ceilDiv(c.height, 8)
	}
	return d.frameMCUs()
}

func (d *Decoder) frameMCUs() (across, down int) {
	return ceilDiv(d.Width, 8*d.hmax), ceilDiv(d.Height, 8*d.vmax)
}

// intervals steps through the MCUs of a scan and from one restart interval to the next (section B.2.1, E.1.4). It is what damage is contained by.
type intervals struct {
	d      *Decoder
	left   int  // MCUs until the next restart marker; negative without markers
	due    byte // the number of that marker, 0 to 7
	missed int  // intervals to leave empty before the data at hand is due
	broken bool // the rest of the interval is lost
	ended  bool // no data is left
}

func (d *Decoder) startIntervals(at int) intervals {
	d.bits.open(d.data, at)
	if d.restart == 0 {
		return intervals{d: d, left: -1}
	}
	return intervals{d: d, left: d.restart}
}

// step is called before each MCU. Fresh says that predictions begin anew, ok that the MCU has data.
func (v *intervals) step() (fresh, ok bool) {
	if v.left == 0 {
		v.left, v.broken, fresh = v.d.restart, false, true
		if v.missed > 0 {
			v.missed--
		} else {
			v.resume()
		}
	}
	if v.left > 0 {
		v.left--
	}
	if v.ended || v.broken || v.missed > 0 {
		return fresh, false
	}
	v.d.bits.ready()
	return fresh, true
}

// resume goes on behind the next restart marker. When it is a later one than is due, the intervals between are lost.
func (v *intervals) resume() {
	marker, at := nextMarker(v.d.data, v.d.bits.next)
	if marker < markerRST0 || marker > markerRST7 {
		v.ended = true
		return
	}
	v.missed = int(marker-markerRST0-v.due) & 7
	v.due = (marker - markerRST0 + 1) & 7
	v.d.bits.open(v.d.data, at)
}

// fail is called when the data of an MCU is broken: the rest of the interval is lost, and without restart markers the rest of the scan.
func (v *intervals) fail() {
	v.broken = true
	v.ended = v.left < 0
}

// end returns the offset behind the scan's data: of the marker that follows it.
func (v *intervals) end() int {
	at := v.d.bits.next
	for {
		marker, next := nextMarker(v.d.data, at)
		if marker < markerRST0 || marker > markerRST7 {
			if marker == 0 {
				return len(v.d.data)
			}
			return next - 2
		}
		at = next
	}
}

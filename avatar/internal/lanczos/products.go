package lanczos

// The sums of products, which take the time. For the numbers of weights that a result of two thirds to a half needs they are written out:
// without a loop, and with one check of bounds, they take a third less time.

// padded returns how many weights a result sample gets that needs so many.
func padded(taps int) int {
	if taps <= 8 {
		return 8
	}
	if taps == 11 {
		return 12
	}
	return taps
}

// rows filters packed rows across.
func (f *filter) rows(out, packed []uint64) {
	switch f.stride {
	case 8:
		f.rows8(out, packed)
	case 9:
		f.rows9(out, packed)
	case 10:
		f.rows10(out, packed)
	case 12:
		f.rows12(out, packed)
	default:
		f.rowsAny(out, packed)
	}
}

func (f *filter) rows8(out, packed []uint64) {
	weights := f.weights
	out = out[:len(f.starts)]
	for x, start := range f.starts {
		w, p := (*[8]int32)(weights), (*[8]uint64)(packed[start:])
		weights = weights[8:]
		sum := addAcross +
			uint64(w[0])*p[0] + uint64(w[1])*p[1] + uint64(w[2])*p[2] + uint64(w[3])*p[3] +
			uint64(w[4])*p[4] + uint64(w[5])*p[5] + uint64(w[6])*p[6] + uint64(w[7])*p[7]
		out[x] = sum >> dropBits & keep
	}
}

func (f *filter) rows9(out, packed []uint64) {
	weights := f.weights
	out = out[:len(f.starts)]
	for x, start := range f.starts {
		w, p := (*[9]int32)(weights), (*[9]uint64)(packed[start:])
		weights = weights[9:]
		sum := addAcross +
			uint64(w[0])*p[0] + uint64(w[1])*p[1] + uint64(w[2])*p[2] + uint64(w[3])*p[3] + uint64(w[4])*p[4] +
			uint64(w[5])*p[5] + uint64(w[6])*p[6] + uint64(w[7])*p[7] + uint64(w[8])*p[8]
		out[x] = sum >> dropBits & keep
	}
}

func (f *filter) rows10(out, packed []uint64) {
	weights := f.weights
	out = out[:len(f.starts)]
	for x, start := range f.starts {
		w, p := (*[10]int32)(weights), (*[10]uint64)(packed[start:])
		weights = weights[10:]
		sum := addAcross +
			uint64(w[0])*p[0] + uint64(w[1])*p[1] + uint64(w[2])*p[2] + uint64(w[3])*p[3] + uint64(w[4])*p[4] +
			uint64(w[5])*p[5] + uint64(w[6])*p[6] + uint64(w[7])*p[7] + uint64(w[8])*p[8] + uint64(w[9])*p[9]
		out[x] = sum >> dropBits & keep
	}
}

func (f *filter) rows12(out, packed []uint64) {
	weights := f.weights
	out = out[:len(f.starts)]
	for x, start := range f.starts {
		w, p := (*[12]int32)(weights), (*[12]uint64)(packed[start:])
		weights = weights[12:]
		sum := addAcross +
			uint64(w[0])*p[0] + uint64(w[1])*p[1] + uint64(w[2])*p[2] + uint64(w[3])*p[3] + uint64(w[4])*p[4] + uint64(w[5])*p[5] +
			uint64(w[6])*p[6] + uint64(w[7])*p[7] + uint64(w[8])*p[8] + uint64(w[9])*p[9] + uint64(w[10])*p[10] + uint64(w[11])*p[11]
		out[x] = sum >> dropBits & keep
	}
}

func (f *filter) rowsAny(out, packed []uint64) {
	weights := f.weights
	for x, start := range f.starts {
		w := weights[:f.stride]
		weights = weights[f.stride:]
		from := packed[start : start+len(w)]
		sum := uint64(addAcross)
		for len(w) >= 4 && len(from) >= 4 {
			sum += uint64(w[0])*from[0] + uint64(w[1])*from[1] + uint64(w[2])*from[2] + uint64(w[3])*from[3]
			w, from = w[4:], from[4:]
		}
		for k := range w {
			sum += uint64(w[k]) * from[k]
		}
		out[x] = sum >> dropBits & keep
	}
}

// finishGroups is how many groups of rows are added while a result row is written.
const finishGroups = 4

// finish4 adds the last four groups to the sums and writes the result.
func finish4(out []byte, sums []uint64, rows *[finishGroups][]uint64, w *[finishGroups]uint64) {
	r0, r1, r2, r3 := rows[0][:len(sums)], rows[1][:len(sums)], rows[2][:len(sums)], rows[3][:len(sums)]
	w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
	out = out[:len(sums)]
	for i, sum := range sums {
		out[i] = level(sum + w0*r0[i] + w1*r1[i] + w2*r2[i] + w3*r3[i])
	}
}

// finish3 is finish4 without the last.
func finish3(out []byte, sums []uint64, rows *[finishGroups][]uint64, w *[finishGroups]uint64) {
	r0, r1, r2 := rows[0][:len(sums)], rows[1][:len(sums)], rows[2][:len(sums)]
	w0, w1, w2 := w[0], w[1], w[2]
	out = out[:len(sums)]
	for i, sum := range sums {
		out[i] = level(sum + w0*r0[i] + w1*r1[i] + w2*r2[i])
	}
}

// level returns the result in the highest lane; above it is a bit of products that do not count.
func level(sum uint64) byte { return levels[sum<<1>>(1+top+downBits)] }

// levels gives for a result with its biases the byte that it is, limited.
var levels = func() (table [1 << (64 - 1 - top - downBits)]byte) {
	for i := range table {
		table[i] = byte(min(max(i-bias-biasDown, 0), 255))
	}
	return table
}()

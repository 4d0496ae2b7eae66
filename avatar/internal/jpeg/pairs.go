package jpeg

// A word of 64 bits holds two numbers, one in each half: lower + upper<<32. So a sum, a difference or a product with a constant is that of both, as
// long as each fits its half. A negative lower number takes one from the upper half, which is far below what rounding does to it.

// pair is 1 in both halves of a word.
const pair = 1<<32 + 1

// two returns a word of two numbers.
func two(lower, upper int32) int64 { return int64(lower) + int64(upper)<<32 }

// exchange turns two columns of two rows into two rows of two columns, and takes off bits behind the point: that of a transform's first pass.
func exchange(a, b int64) (lower, upper int64) {
	lower = int64(int32(a)>>descale1) + int64(int32(b)>>descale1)<<32
	upper = a>>(32+descale1) + b>>(32+descale1)<<32
	return lower, upper
}

// Package jpeg decodes JPEG (ITU-T T.81) straight to the size that is wanted, in eighths: 8, 6, 4, 3, 2 or 1; row by row. It also encodes planes.
//
// It does for thumbnails what image/jpeg cannot: it neither computes nor keeps the pixels that a smaller picture does not need.
// The way through the package is the way of the data:
//
//	header.go      the segments before the pixels: size, components, tables         NewDecoder
//	bits.go        the entropy-coded bytes as a bit stream, without stuffing         bitReader
//	huffman.go     the tables that turn its bits into symbols, several at a time     huffman
//	sequential.go  blocks of a baseline scan, transformed as soon as they are read
//	progressive.go scans that refine one another, collected before the transform     store
//	idct.go        coefficients to samples, 8x8 to 1x1 a block; pairs.go: two at once
//	decode.go      what ties them: regions, strips                                  Decoder.Decode
//
// The other way, planes to a baseline file: encode.go, fdct.go, and the tables of annexk.go.
//
// # Scales
//
// A block of 8x8 samples is stored as 64 frequencies. A picture of half the size needs only the lower half of them in each direction, so
// that scale transforms 4x4 frequencies with an inverse DCT of that size, and the others likewise. Behind the last frequency
// that a scale needs, the symbols are not decoded but measured: a table over the next bits says how many whole symbols they hold.
// Each component has its own scale, so that subsampled chroma needs no more enlargement than the output asks for.
//
// # Rows
//
// [Decoder.Decode] calls its caller with one [Strip] for each row of MCUs, so the memory does not depend on the picture's height. Samples
// are delivered as they are coded: YCbCr stays YCbCr, chroma stays at its own size. Blocks outside the region that was asked
// for are measured but not transformed, and below it nothing is read. A progressive picture, or one with a scan for each component, needs
// all of its coefficients first; then only those that the scales need are kept, of 2 bytes each, and 8 bytes a block.
//
// # Hostile files
//
// Every accepted file costs time proportional to its bytes plus its blocks, and memory that the caller knows before: sizes come from the header, a
// progressive file may visit its blocks only a bounded number of times, and the context is looked at between rows. Damage
// in the entropy-coded data does not lose the picture: what is missing is grey, decoding goes on at the next restart marker, and a [DamageError]
// says how much is there. What the package does not decode (12 bits, arithmetic coding, lossless and hierarchical modes) is refused with an
// [UnsupportedError]; everything else that is wrong is a [FormatError].
package jpeg

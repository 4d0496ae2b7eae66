// Package vp8 decodes the pictures of lossy WebP: key frames of VP8 (RFC 6386), row by row.
//
// The way through the package is the way of the data:
//
//	header.go    the frame header: size, segments, filter, quantizers, probabilities   NewDecoder
//	bool.go      the boolean entropy decoder
//	modes.go     how the macroblocks are predicted, from the first partition
//	tokens.go    their coefficients, from the other partitions
//	predict.go   prediction of 16x16 and 8x8 samples, subblock.go of 4x4
//	transform.go coefficients to differences, which are added to the prediction
//	filter.go    the loop filters, with filter_normal.go and, for many samples at once, filter_lanes.go
//	decode.go    what ties them: rows of macroblocks, strips                            Decoder.Decode
//	tables.go    the constants of the RFC
//
// # Rows
//
// [Decoder.Decode] calls its caller with a [Strip] for each row of macroblocks. In a key frame the prediction uses samples as they are before the loop filter, so
// that the filter needs no more than the row at hand and the last lines of the one above: the memory grows with the picture's
// width only. A strip lies eight lines higher than its row of macroblocks, since the filter of the next row changes the lines behind.
// Outside the region that was asked for nothing is filtered, and below it nothing is predicted; but all of the data is read, so that
// whether a picture is whole does not depend on what is shown of it.
//
// # Hostile files
//
// Every macroblock takes a bounded number of steps, whatever the data holds, and the context is looked at before each row of them. Reading beyond the end of
// a partition ends the decode with [ErrTruncated] at the end of the row at the latest. What the RFC leaves to the decoder is done as libwebp does, which browsers use.
package vp8

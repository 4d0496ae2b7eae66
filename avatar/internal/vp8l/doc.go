// Package vp8l decodes the pictures of lossless WebP (RFC 9649 section 3), row by row, and the alpha of lossy ones, which is coded in the same way.
//
// The way through the package is the way of the data:
//
//	bits.go        the data as a bit stream
//	prefix.go      prefix codes: from their lengths to tables
//	lengths.go     the lengths, as the stream has them
//	groups.go      the codes of a picture, five for each group of blocks
//	pixels.go      literals, backward references and the colour cache: rows of pixels as they are coded
//	transform.go   the transforms, in the order of the stream, with predict.go for the largest
//	memory.go      what all of this takes
//	decode.go      what ties them: header, transforms, rows                                            Decoder.Rows
//
// # Rows
//
// [Rows.Next] returns one row of pixels after the other, from top to bottom. A backward reference reaches over 2^20 pixels at most, since distances have
// 40 prefix codes (section 3.6.2.2.2), so that is all that is kept of a picture, in a ring; every transform needs the row at hand and the one
// above it. What grows with the picture is what the stream says of its blocks, of 4x4 pixels or more: a byte, four and two for each.
//
// # Hostile files
//
// The context is looked at before each row, also where rows take no bits: a picture of one colour may have any size in fifty bytes. A picture may have
// 2600 groups of codes and no more, though the format knows 65536, and the codes no more memory than [Memory] counts; libwebp writes no more groups, and needs a
// fraction of the memory. Codes that are not complete are refused, also where no pixel uses them.
package vp8l

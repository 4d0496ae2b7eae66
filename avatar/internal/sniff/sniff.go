// Package sniff recognises what a file is from its first bytes. It knows more formats than are decoded, so that a refusal can name
// what was sent. Nothing a client declared takes part.
package sniff

import (
	"bytes"
	"encoding/binary"
)

// Formats that [Detect] returns, beside those of the tables below.
const (
	JPEG = "jpeg"
	PNG  = "png"
	GIF  = "gif"
	WebP = "webp"
	HEIC = "heic"
	AVIF = "avif"
	SVG  = "svg"
	HTML = "html"
	Text = "text"
)

// window is how far Detect looks into text for the first tag, and into anything for a late PDF header.
const window = 4096

// signature is a magic number at the start. A '?' in magic matches any byte.
type signature struct {
	format string
	magic  string
}

// signatures are tried in order; see the WHATWG MIME Sniffing Standard for the common ones.
func signatures() []signature {
	return []signature{
		{JPEG, "\xff\xd8\xff"},
		{PNG, "\x89PNG\r\n\x1a\n"},
		{GIF, "GIF87a"},
		{GIF, "GIF89a"},
		{WebP, "RIFF????WEBP"},
		{"wav", "RIFF????WAVE"},
		{"avi", "RIFF????AVI "},
		{"tiff", "II*\x00"},
		{"tiff", "MM\x00*"},
		{"tiff", "II+\x00"},
		{"tiff", "MM\x00+"},
		{"jpegxl", "\xff\x0a"},
		{"jpegxl", "\x00\x00\x00\x0cJXL \r\n\x87\n"},
		{"jpeg2000", "\x00\x00\x00\x0cjP  \r\n\x87\n"},
		{"jpeg2000", "\xff\x4f\xff\x51"},
		{"psd", "8BPS"},
		{"ico", "\x00\x00\x01\x00"},
		{"ico", "\x00\x00\x02\x00"},
		{"qoi", "qoif"},
		{"farbfeld", "farbfeld"},
		{"exr", "\x76\x2f\x31\x01"},
		{"hdr", "#?RADIANCE"},
		{"dds", "DDS "},
		{"flif", "FLIF"},
		{"bpg", "BPG\xfb"},
		{"djvu", "AT&TFORM"},
		{"wmf", "\xd7\xcd\xc6\x9a"},
		{"eps", "%!PS"},
		{"eps", "\xc5\xd0\xd3\xc6"},
		{"pdf", "%PDF-"},
		{"zip", "PK\x03\x04"},
		{"zip", "PK\x05\x06"},
		{"gzip", "\x1f\x8b"},
		{"rar", "Rar!\x1a\x07"},
		{"7z", "7z\xbc\xaf\x27\x1c"},
		{"bzip2", "BZh"},
		{"xz", "\xfd7zXZ\x00"},
		{"webm", "\x1a\x45\xdf\xa3"},
		{"ogg", "OggS"},
		{"mp3", "ID3"},
		{"flac", "fLaC"},
		{"executable", "\x7fELF"},
		{"executable", "MZ\x90\x00"},
		{"wasm", "\x00asm"},
		{"mng", "\x8aMNG\r\n\x1a\n"},
		{"jng", "\x8bJNG\r\n\x1a\n"},
		{"xcf", "gimp xcf "},
		{"icns", "icns"},
		{"jxr", "II\xbc\x01"},
		{"raw", "FUJIFILMCCD-RAW"},
		{"raw", "IIRO"},
		{"raw", "IIU\x00"},
		{"pcx", "\x0a\x05\x01\x08"},
		{"sgi", "\x01\xda\x01"},
		{"emf", "\x01\x00\x00\x00????????????????????????????????????\x20EMF"},
		{"office", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
	}
}

// Detect names the format of data by its first bytes. It returns "" for bytes that are neither a known format nor text.
func Detect(data []byte) string {
	for _, s := range signatures() {
		if matches(data, s) {
			return s.format
		}
	}
	if f := isoMedia(data); f != "" {
		return f
	}
	if isBMP(data) {
		return "bmp"
	}
	if isNetpbm(data) {
		return "netpbm"
	}
	head := data[:min(len(data), window)]
	if f := markup(head); f != "" {
		return f
	}
	if bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) {
		return "pdf" // readers accept the header anywhere in the first kilobyte
	}
	if isText(head) {
		return Text
	}
	return ""
}

func matches(data []byte, s signature) bool {
	if len(data) < len(s.magic) {
		return false
	}
	for i := range len(s.magic) {
		if s.magic[i] != '?' && data[i] != s.magic[i] {
			return false
		}
	}
	return true
}

// isoMedia names a file of the ISO base media format (ISO/IEC 14496-12) by the brands of its ftyp box.
func isoMedia(data []byte) string {
	if len(data) < 16 || string(data[4:8]) != "ftyp" {
		return ""
	}
	size := int64(binary.BigEndian.Uint32(data))
	brands := data[8:max(16, min(size, int64(len(data)), 512))]
	format := ""
	for i := 0; i+4 <= len(brands); i += 4 {
		if i == 4 {
			continue // the minor version
		}
		switch string(brands[i : i+4]) {
		case "avif", "avis":
			return AVIF
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs":
			format = HEIC
		case "mif1", "msf1":
			if format == "" {
				format = HEIC
			}
		case "crx ":
			return "raw"
		}
	}
	if format == "" {
		return "video"
	}
	return format
}

// isBMP asks for more than the two letters, since text may start with them too.
func isBMP(data []byte) bool {
	if len(data) < 18 || string(data[:2]) != "BM" {
		return false
	}
	switch binary.LittleEndian.Uint32(data[14:]) {
	case 12, 16, 40, 52, 56, 64, 108, 124: // the sizes of all header versions
		return true
	}
	return false
}

func isNetpbm(data []byte) bool {
	return len(data) > 2 && data[0] == 'P' && data[1] >= '1' && data[1] <= '7' && (data[2] == '\n' || data[2] == ' ' || data[2] == '\r')
}

// markup tells SVG from HTML by the first tags behind byte order mark, white space, comments, declaration and doctype.
func markup(head []byte) string {
	text := bytes.ToLower(narrow(head))
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), " \t\r\n\f\x00")
	if len(text) == 0 || text[0] != '<' {
		return ""
	}
	switch {
	case bytes.HasPrefix(text, []byte("<?php")):
		return "php"
	case bytes.Contains(text, []byte("<html")), bytes.HasPrefix(text, []byte("<!doctype html")):
		return HTML
	case bytes.Contains(text, []byte("<svg")), bytes.Contains(text, []byte("<!doctype svg")), bytes.Contains(text, []byte(":svg")):
		return SVG
	case bytes.HasPrefix(text, []byte("<?xml")):
		return "xml"
	}
	for _, tag := range []string{"<head", "<body", "<script", "<iframe", "<div", "<table", "<style", "<title", "<img", "<a ", "<p>", "<br", "<h1"} {
		if bytes.Contains(text, []byte(tag)) {
			return HTML
		}
	}
	return "xml"
}

// narrow turns UTF-16 with a byte order mark into its ASCII part, so that markup in it is seen.
func narrow(head []byte) []byte {
	if !bytes.HasPrefix(head, []byte("\xff\xfe")) && !bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return head
	}
	return bytes.ReplaceAll(head[2:], []byte{0}, nil)
}

func isText(head []byte) bool {
	head = narrow(head)
	for _, c := range head {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			return false
		}
	}
	return len(head) > 0
}

package sniff

import (
	"bytes"
	"encoding/binary"
)

// Polyglot names the second format of a picture that is something else as well, or "". End is where the picture ends in data (0 if that is not known), comments
// are its texts. Trailing data alone is no polyglot: phones append videos and second pictures.
func Polyglot(data []byte, end int, comments [][]byte) string {
	if isZip(data) {
		return "zip"
	}
	if bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) {
		return "pdf"
	}
	// GIF89a/* ... */ is a script whose first name is the signature; the width would be 10799.
	if bytes.HasPrefix(data, []byte("GIF8")) && len(data) > 8 && string(data[6:8]) == "/*" && bytes.Contains(data, []byte("*/")) {
		return "script"
	}
	for _, c := range comments {
		if f := active(c[:min(len(c), window)]); f != "" {
			return f
		}
	}
	if end > 0 && end < len(data) {
		tail := bytes.TrimLeft(data[end:min(len(data), end+window)], " \t\r\n\x00")
		if bytes.HasPrefix(tail, []byte("%PDF-")) {
			return "pdf"
		}
		return active(tail)
	}
	return ""
}

// active names what a browser or server would run in text.
func active(text []byte) string {
	text = bytes.ToLower(text)
	switch {
	case bytes.Contains(text, []byte("<?php")):
		return "php"
	case bytes.Contains(text, []byte("<script")), bytes.Contains(text, []byte("<html")), bytes.Contains(text, []byte("<!doctype html")):
		return HTML
	case bytes.Contains(text, []byte("<svg")):
		return SVG
	}
	return ""
}

// isZip looks for the end record of a ZIP archive (APPNOTE 4.3.16) whose comment reaches exactly to the end of data.
func isZip(data []byte) bool {
	const record = 22
	tail := data[max(0, len(data)-record-0xffff):]
	for {
		k := bytes.Index(tail, []byte("PK\x05\x06"))
		if k < 0 || len(tail)-k < record {
			return false
		}
		tail = tail[k:]
		if int(binary.LittleEndian.Uint16(tail[record-2:])) == len(tail)-record {
			return true
		}
		tail = tail[4:]
	}
}

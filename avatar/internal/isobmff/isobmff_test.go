package isobmff_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/isobmff"
)

func box(kind string, bodies ...[]byte) []byte {
	body := bytes.Join(bodies, nil)
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(b, kind...), body...)
}

func size(w, h uint32) []byte {
	return box("ispe", make([]byte, 4), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h))
}

// file is a header with the given properties.
func file(properties ...[]byte) []byte {
	return bytes.Join([][]byte{box("ftyp", []byte("avif\x00\x00\x00\x00")), box("meta", make([]byte, 4), box("hdlr"), box("iprp", box("ipco", properties...), box("ipma"))), box("mdat")}, nil)
}

func TestRead(t *testing.T) {
	nested := size(1, 1)
	for range 10_000 {
		nested = box("ipco", nested)
	}
	tests := []struct {
		name string
		data []byte
		want isobmff.Info // zero: an error
	}{
		{"plain", file(size(300, 200)), isobmff.Info{Width: 300, Height: 200, Orientation: 1}},
		{"the largest of several", file(size(64, 64), size(300, 200), size(10, 900)), isobmff.Info{Width: 300, Height: 900, Orientation: 1}},
		{"a quarter turn", file(size(3, 2), box("irot", []byte{1})), isobmff.Info{Width: 3, Height: 2, Orientation: 8}},
		{"a half turn", file(size(3, 2), box("irot", []byte{2})), isobmff.Info{Width: 3, Height: 2, Orientation: 3}},
		{"mirrored left to right", file(size(3, 2), box("imir", []byte{1})), isobmff.Info{Width: 3, Height: 2, Orientation: 2}},
		{"mirrored upside down", file(size(3, 2), box("imir", []byte{0})), isobmff.Info{Width: 3, Height: 2, Orientation: 4}},
		{"turned and mirrored", file(size(3, 2), box("irot", []byte{3}), box("imir", []byte{0})), isobmff.Info{Width: 3, Height: 2, Orientation: 7}},
		{"angles beyond the two bits", file(size(3, 2), box("irot", []byte{0xfd})), isobmff.Info{Width: 3, Height: 2, Orientation: 8}},
		{"sides of 2^32-1", file(size(1<<32-1, 1<<32-1)), isobmff.Info{Width: 1<<31 - 1, Height: 1<<31 - 1, Orientation: 1}},
		{"no size", file(), isobmff.Info{}},
		{"no width", file(size(0, 5)), isobmff.Info{}},
		{"a size outside the properties", box("ispe", size(3, 2)), isobmff.Info{}},
		{"nothing", nil, isobmff.Info{}},
		{"a box of three bytes", []byte("\x00\x00\x00\x03meta"), isobmff.Info{}},
		{"a box that never ends", append([]byte("\x00\x00\x00\x01meta\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"), box("iprp", box("ipco", size(3, 2)))...), isobmff.Info{Width: 3, Height: 2, Orientation: 1}},
		{"boxes in boxes", file(nested), isobmff.Info{}},
		{"a size behind 5000 boxes", file(append(bytes.Repeat(box("free"), 5000), size(3, 2)...)), isobmff.Info{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := isobmff.Read(tt.data)
			if (err != nil) != (tt.want.Width == 0) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if err == nil && (got.Width != tt.want.Width || got.Height != tt.want.Height || got.Orientation != tt.want.Orientation) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestReadProfile(t *testing.T) {
	got, err := isobmff.Read(file(size(3, 2), box("colr", []byte("nclx\x00\x01")), box("colr", []byte("profICC"))))
	if err != nil || string(got.Profile) != "ICC" {
		t.Errorf("got %q, %v", got.Profile, err)
	}
}

// TestReadPrimary has a primary picture beside a thumbnail that is turned another way, in all the forms of the boxes that tell them apart.
func TestReadPrimary(t *testing.T) {
	properties := [][]byte{size(300, 200), size(30, 20), box("irot", []byte{1}), box("irot", []byte{2}), box("imir", []byte{1}),
		box("colr", []byte("profTHUMB")), box("colr", []byte("profICC"))}
	short := func(id uint16, list ...byte) []byte {
		return append(append(binary.BigEndian.AppendUint16(nil, id), byte(len(list))), list...)
	}
	long := func(id uint32, list ...uint16) []byte {
		b := append(binary.BigEndian.AppendUint32(nil, id), byte(len(list)))
		for _, i := range list {
			b = binary.BigEndian.AppendUint16(b, i)
		}
		return b
	}
	count := []byte{0, 0, 0, 2}
	thumb := short(1, 2, 4, 6)
	tests := []struct {
		name        string
		pitm, ipma  []byte
		orientation int
		profile     string
	}{
		{"turned", box("pitm", []byte{0, 0, 0, 0, 0, 2}), box("ipma", make([]byte, 4), count, thumb, short(2, 1, 0x83, 7)), 8, "ICC"},
		{"turned, then mirrored", box("pitm", []byte{0, 0, 0, 0, 0, 2}), box("ipma", make([]byte, 4), count, thumb, short(2, 1, 3, 5)), 7, ""},
		{"mirrored, then turned", box("pitm", []byte{0, 0, 0, 0, 0, 2}), box("ipma", make([]byte, 4), count, thumb, short(2, 1, 5, 3)), 5, ""},
		{"as it is", box("pitm", []byte{0, 0, 0, 0, 0, 2}), box("ipma", make([]byte, 4), count, thumb, short(2, 1)), 1, ""},
		{"long ids and indices", box("pitm", []byte{1, 0, 0, 0, 0, 1, 0, 2}), box("ipma", []byte{1, 0, 0, 1}, count, long(1, 2, 4, 6), long(0x10002, 1, 0x8004, 7)), 3, "ICC"},
		{"properties that are not there", box("pitm", []byte{0, 0, 0, 0, 0, 2}), box("ipma", make([]byte, 4), count, thumb, short(2, 0, 1, 99, 3)), 8, ""},
		{"a list that is cut off: all of them", box("pitm", []byte{0, 0, 0, 0, 0, 2}), box("ipma", make([]byte, 4), count, thumb, short(2, 1, 3)[:4]), 5, "ICC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := box("meta", make([]byte, 4), tt.pitm, box("iprp", box("ipco", properties...), tt.ipma))
			got, err := isobmff.Read(data)
			if err != nil || got.Width != 300 || got.Height != 200 || got.Orientation != tt.orientation || string(got.Profile) != tt.profile {
				t.Errorf("got %+v, %v, want orientation %d, profile %q", got, err, tt.orientation, tt.profile)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(size(300, 200), box("irot", []byte{1}), box("imir", []byte{0}), box("colr", []byte("profICC"))))
	f.Add(box("meta", make([]byte, 4), box("pitm", []byte{0, 0, 0, 0, 0, 1}),
		box("iprp", box("ipco", size(3, 2), box("irot", []byte{1})), box("ipma", []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 2, 0, 1, 0x80, 2}))))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := isobmff.Read(data)
		if err == nil && (info.Width < 1 || info.Height < 1 || info.Orientation < 1 || info.Orientation > 8) {
			t.Fatalf("%+v", info)
		}
	})
}

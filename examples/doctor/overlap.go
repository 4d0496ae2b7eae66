package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// checkOverlap finds out whether both URLs lead to one bucket, and whether the prefixes keep its parts apart. A picture that is
// published where uploads are awaited is processed again, for ever, and somebody pays for it.
func (d *doctor) checkOverlap(ctx context.Context) error {
	key := d.uploadKey("overlap.png")
	if err := d.uploads.Bucket().Upload(ctx, key, bytes.NewReader(picture), &blob.WriterOptions{ContentType: "image/png"}); err != nil {
		return fmt.Errorf("write to the uploads bucket: %w", err)
	}
	same, err := d.assets.Exists(ctx, key)
	if err != nil {
		return fmt.Errorf("read the assets bucket: %w", err)
	}
	if !same {
		return nil
	}
	for _, up := range d.cfg.uploadPrefixes {
		for _, out := range d.cfg.assetPrefixes {
			if strings.HasPrefix(up, out) || strings.HasPrefix(out, up) {
				d.report.problem(finding{Code: "overlap", Detail: fmt.Sprintf("uploads %q and pictures %q overlap in one bucket: every picture would be processed again", up, out),
					Fix: "use two buckets, or prefixes of which none contains another"})
			}
		}
	}
	return nil
}

// checkClock compares this machine's clock with the store's, by the Date of an answer.
func (d *doctor) checkClock(context.Context) error {
	if d.skew == nil {
		d.report.note(finding{Code: "clock_unknown", Detail: "no answer of the store had a Date", Fix: "nothing"})
		return nil
	}
	if skew := *d.skew; skew > d.cfg.maxSkew+time.Second || skew < -d.cfg.maxSkew-time.Second { // Date has no fractions
		direction := "ahead of"
		if skew < 0 {
			direction, skew = "behind", -skew
		}
		d.report.problem(finding{Code: "clock_skew", Detail: fmt.Sprintf("this machine's clock is %v %s the store's: grants end early or late, and newer pictures may lose against older ones", skew.Round(time.Second), direction),
			Fix: "synchronise this machine's clock (chrony, systemd-timesyncd)"})
	}
	return nil
}

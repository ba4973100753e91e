//go:build !cgo

package eval

import "errors"

func opus16([]int16) ([]int16, error) {
	return nil, errors.New("this build has no Opus encoder (built without cgo)")
}

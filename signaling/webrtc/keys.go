package webrtc

import "strings"

const mimeKeys = "audio/telephone-event"

func isKeys(mime string) bool { return strings.EqualFold(mime, mimeKeys) }

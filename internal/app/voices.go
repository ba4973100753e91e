package app

import (
	"cmp"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/dialog/provider/espeak"
	"frontdesk/dialog/provider/flite"
	"frontdesk/dialog/provider/openai"
	"frontdesk/dialog/provider/piper"
	"frontdesk/internal/agentfile"
	"frontdesk/internal/spoken"
	"frontdesk/internal/words"
)

// synthesizer opens the agent's voice and returns its name for people.
func (o *agentOpener) synthesizer(f agentfile.File) (s dialog.Synthesizer, name string, err error) {
	p := o.config.TTS
	voice := p.Voice
	switch p.Provider {
	case "none":
		return nil, "none: the agent writes", nil
	case "openai":
		s, err = openai.NewSpeech(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key, Voice: p.Voice})
		name = remoteName(p)
	case "piper":
		s, name, err = o.piperVoice(f)
	case "kokoro":
		s, name, err = o.kokoroVoice(f)
	case "espeak":
		s, err = o.espeakVoice(f, p.Voice)
		name = "espeak"
	default: // auto, and flite, which speaks English only
		s, name, voice, err = o.localVoice(f)
	}
	if err != nil {
		return nil, "", err
	}
	if voice := cmp.Or(f.Voice, voice); voice != "" {
		name += " (" + voice + ")"
	}
	return s, name, nil
}

// neuralVoice opens Piper's voices, in the agent's style.
func (o *agentOpener) neuralVoice(f agentfile.File) (dialog.Synthesizer, error) {
	v, err := o.neural.openVoices()
	if err != nil {
		return nil, err
	}
	// The Piper voice that is installed by default is a man's, as flite's rms.
	return o.withSubstitute(f, v.With(spoken.Style{Speed: f.Speed, Lexicon: f.Lexicon}), "Piper", "rms"), nil
}

// withSubstitute lets a cheaper voice, if there is one, speak when a neural voice is
// overloaded. like is a voice of flite that resembles it.
func (o *agentOpener) withSubstitute(f agentfile.File, own dialog.Synthesizer, part, like string) dialog.Synthesizer {
	if !words.IsEnglish(f.Language) {
		like = ""
	}
	substitute, name, err := o.cheapVoice(f, like)
	if err != nil {
		o.log.Warn("no voice takes the place of "+part+" when too many callers wait", zap.String("agent", f.Name), zap.Error(err))
		return own
	}
	return mouth.WithSubstitute(own, substitute, func(err error) { o.neural.substitutes.note(name, err) })
}

// kokoroVoice opens Kokoro's voices, or espeak-ng for other languages than English.
func (o *agentOpener) kokoroVoice(f agentfile.File) (s dialog.Synthesizer, name string, err error) {
	if !words.IsEnglish(f.Language) {
		s, err = o.espeakVoice(f, "")
		return s, "espeak", err
	}
	v, err := o.neural.openKokoro()
	if err != nil {
		return nil, "", err
	}
	// Kokoro's default voice is a woman's, as flite's slt.
	return o.withSubstitute(f, v.With(spoken.Style{Speed: f.Speed, Lexicon: f.Lexicon}), "Kokoro", "slt"), "Kokoro", nil
}

// piperVoice opens the neural voices, or espeak-ng if none of them speaks the language.
func (o *agentOpener) piperVoice(f agentfile.File) (s dialog.Synthesizer, name string, err error) {
	if v, err := o.neural.openVoices(); err == nil && !v.Speaks(f.Language) {
		s, err = o.espeakVoice(f, "") // the configured voice is Piper's
		return s, "espeak", err
	}
	s, err = o.neuralVoice(f)
	return s, "Piper", err
}

func (o *agentOpener) espeakVoice(f agentfile.File, voice string) (dialog.Synthesizer, error) {
	return espeak.New(espeak.Config{Voice: voice, Speed: f.Speed, Lexicon: f.Lexicon})
}

// localVoice opens the best voice of this machine for the agent's language. If the configured
// voice is one of a program that cannot be used, the program that is used speaks with its default
// voice. voice is the configured one if it may speak, else "".
func (o *agentOpener) localVoice(f agentfile.File) (s dialog.Synthesizer, name, voice string, err error) {
	voice = o.config.TTS.Voice
	isEnglish := words.IsEnglish(f.Language)
	if o.config.TTS.Provider != "auto" {
		if !isEnglish {
			voice = "" // it is flite's
		}
		s, name, err = o.cheapVoice(f, voice)
		return s, name, voice, err
	}
	if isEnglish && o.neural.prefersKokoro() {
		if s, name, err = o.kokoroVoice(f); err == nil {
			return s, name, voice, nil
		}
	}
	if voice != "" && !piper.Has(piper.Installed(o.neural.cache.Dir()), voice) {
		if s, name, err = o.cheapVoice(f, voice); err == nil {
			return s, name, voice, nil
		}
		o.log.Warn("tts.voice: a default voice speaks, because no program that can speak for this agent has the configured one",
			zap.String("agent", f.Name), zap.String("voice", voice))
		voice = ""
	}
	if v, err := o.neural.openVoices(); err == nil && v.Speaks(f.Language) {
		s, err = o.neuralVoice(f)
		return s, "Piper", voice, err
	}
	s, name, err = o.cheapVoice(f, "")
	return s, name, "", err
}

// cheapVoice opens the voice of that name, or the default one, of flite for English and of
// espeak-ng for other languages. It returns the program's name.
func (o *agentOpener) cheapVoice(f agentfile.File, voice string) (s dialog.Synthesizer, name string, err error) {
	if !words.IsEnglish(f.Language) {
		s, err = o.espeakVoice(f, voice)
		return s, "espeak", err
	}
	s, err = flite.New(flite.Config{Voice: voice, Speed: f.Speed, Lexicon: f.Lexicon})
	return s, "flite", err
}

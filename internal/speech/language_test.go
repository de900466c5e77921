package speech

import "testing"

func TestIsLanguageTag(t *testing.T) {
	for tag, want := range map[string]bool{
		"en": true, "en-GB": true, "zh-Hans-CN": true, "yue": true, "sr-Latn-RS": true,
		"": false, "e": false, "en_GB": false, "en-": false, "English!": false, "en GB": false, "语": false, "en-abcdefghi": false,
	} {
		if got := IsLanguageTag(tag); got != want {
			t.Errorf("%q: %v", tag, got)
		}
	}
}

func TestVoiceSpeaks(t *testing.T) {
	v := Voice{Languages: []string{"zh-CN", "cmn-Latn"}}
	for tag, want := range map[string]bool{"zh": true, "ZH-cn": true, "cmn": true, "zh-CN-x": false, "z": false, "en": false, "zh-": false} {
		if got := v.Speaks(tag); got != want {
			t.Errorf("%q: %v", tag, got)
		}
	}
}

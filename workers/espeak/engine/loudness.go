// SPDX-License-Identifier: GPL-3.0-or-later

package engine

// loudness returns how loud the usual speech of a voice is, in LUFS (BS.1770, integrated). Measured with ffmpeg's ebur128 on one or two
// sentences of the voice's language, 6 to 15 s at speed 1, through libespeak-ng 1.51 at its own level. The voices share their sounds,
// so most are within 1 LU of one figure; the groups are those that are not, within 0.5 LU of theirs. Another text of the same voice
// is up to 1.5 LU off.
func loudness(id string) float64 {
	switch id {
	case "chr-us-qaaa-x-west", "he": // nearly all consonants, so it depends on the text more: 1.5 LU
		return -25
	case "fr-be", "fr-ch", "fr-fr", "it", "pl":
		return -22.1
	case "an", "bg", "ca", "cs", "el", "en-us", "eo", "es", "kl", "nb", "pap", "ro", "sk", "sq", "tt":
		return -21.5
	case "cmn-latn-pinyin", "cmn", "bn", "bpy", "ga", "gd", "gn", "kok", "ky", "ltg", "nog", "om", "qya", "sl", "th", "tk", "vi", "yue",
		"yue-latn-jyutping":
		return -19.1
	case "as", "mt", "or", "piqd", "sd", "tn", "vi-vn-x-south":
		return -18.6
	case "haw":
		return -15
	case "mi":
		return -10.9
	default:
		return -20.3
	}
}

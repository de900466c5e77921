// SPDX-License-Identifier: Apache-2.0

#include "lame.h"

#include <lame/lame.h>
#include <stdarg.h>
#include <stdlib.h>

enum { block = 1152 }; // samples of the longest frame

struct orotund_mp3 {
	lame_t lame;
	short samples[block];
};

// quiet replaces LAME's own reports, which go to standard error: every failure comes back as a value.
static void quiet(const char *format, va_list args)
{
	(void)format;
	(void)args;
}

const char *orotund_mp3_version(void) { return get_lame_version(); }

static int configure(lame_t l, int sample_rate, int bit_rate_kbps, int quality, int reservoir)
{
	lame_set_errorf(l, quiet);
	lame_set_debugf(l, quiet);
	lame_set_msgf(l, quiet);
	lame_set_num_channels(l, 1);
	lame_set_mode(l, MONO);
	lame_set_in_samplerate(l, sample_rate);
	lame_set_out_samplerate(l, sample_rate); // or LAME would resample at low bit rates
	lame_set_VBR(l, vbr_off);
	lame_set_brate(l, bit_rate_kbps);
	lame_set_quality(l, quality);
	lame_set_disable_reservoir(l, !reservoir);
	lame_set_bWriteVbrTag(l, 0); // the info frame is written last at the front: a stream cannot
	lame_set_write_id3tag_automatic(l, 0);
	if (lame_init_params(l) < 0) return -1;
	// LAME silently takes the nearest where it does not know a value.
	return lame_get_out_samplerate(l) == sample_rate && lame_get_brate(l) == bit_rate_kbps ? 0 : -1;
}

struct orotund_mp3 *orotund_mp3_open(int sample_rate, int bit_rate_kbps, int quality, int reservoir)
{
	struct orotund_mp3 *m = malloc(sizeof *m);
	if (!m) return NULL;
	m->lame = lame_init();
	if (m->lame && configure(m->lame, sample_rate, bit_rate_kbps, quality, reservoir) == 0) return m;
	orotund_mp3_close(m);
	return NULL;
}

void orotund_mp3_close(struct orotund_mp3 *m)
{
	if (m->lame) lame_close(m->lame);
	free(m);
}

int orotund_mp3_bound(int samples) { return samples + samples / 4 + 7200; } // lame.h: 1.25 * samples + 7200

int orotund_mp3_encode(struct orotund_mp3 *m, const unsigned char *pcm, int samples, unsigned char *out, int capacity)
{
	int written = 0;
	while (samples > 0) {
		int n = samples < block ? samples : block;
		for (int i = 0; i < n; i++) m->samples[i] = (short)(pcm[2 * i] | pcm[2 * i + 1] << 8);
		int rc = lame_encode_buffer(m->lame, m->samples, m->samples, n, out + written, capacity - written);
		if (rc < 0) return rc;
		written += rc;
		pcm += 2 * n;
		samples -= n;
	}
	return written;
}

int orotund_mp3_flush(struct orotund_mp3 *m, unsigned char *out, int capacity)
{
	return lame_encode_flush(m->lame, out, capacity);
}

package child

import (
	"errors"
	"fmt"
)

// Frame lengths: the head of a stream leaves early, the rest in few messages.
const (
	frameStep = 20 // ms that each frame is longer than the one before
	frameMost = 5  // steps: the longest frame is 100 ms
	pcmSample = 2  // bytes of a sample
)

// Framer collects signed 16-bit mono PCM and hands it on in frames of 20, 40, 60, 80, 100, 100 … ms. It is used by one
// goroutine and does not allocate after NewFramer.
type Framer struct {
	send func([]byte) error
	step int // bytes of 20 ms
	next int // steps in the frame that comes next, 1 to frameMost
	buf  []byte
}

// NewFramer returns a Framer for audio of sampleRate Hz (50 or more). send gets each frame; it must not keep the slice, which
// is Write's argument or the Framer's own buffer.
func NewFramer(sampleRate int, send func([]byte) error) *Framer {
	step := sampleRate * frameStep / 1000 * pcmSample
	return &Framer{send: send, step: max(step, pcmSample), next: 1, buf: make([]byte, 0, max(step, pcmSample)*frameMost)}
}

// Write takes any number of bytes and sends the frames that they complete. Whole frames go on without being copied. The first
// error of send ends it; what was not sent is then lost.
func (f *Framer) Write(pcm []byte) error {
	for len(pcm) > 0 {
		frame := f.step * f.next
		if len(f.buf) == 0 && len(pcm) >= frame {
			if err := f.emit(pcm[:frame]); err != nil {
				return err
			}
			pcm = pcm[frame:]
			continue
		}
		n := min(frame-len(f.buf), len(pcm))
		f.buf = append(f.buf, pcm[:n]...)
		pcm = pcm[n:]
		if len(f.buf) == frame {
			err := f.emit(f.buf)
			f.buf = f.buf[:0]
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush sends what is left, a frame shorter than its turn, and starts over at 20 ms. It returns an error if the bytes written
// since the last Flush are not whole samples.
func (f *Framer) Flush() error {
	rest := f.buf
	f.buf, f.next = f.buf[:0], 1
	if len(rest)%pcmSample != 0 {
		return errors.New("child: the audio does not end on a whole sample")
	}
	if len(rest) == 0 {
		return nil
	}
	if err := f.send(rest); err != nil {
		return fmt.Errorf("send the last frame: %w", err)
	}
	return nil
}

// Reset forgets what is left and starts over at 20 ms.
func (f *Framer) Reset() { f.buf, f.next = f.buf[:0], 1 }

func (f *Framer) emit(frame []byte) error {
	f.next = min(f.next+1, frameMost)
	if err := f.send(frame); err != nil {
		return fmt.Errorf("send a frame: %w", err)
	}
	return nil
}

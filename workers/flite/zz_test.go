package main
import ("testing";"fmt";"math";"bytes";"os/exec";"regexp"
 enginev1 "github.com/orotund/orotund/api/gen/orotund/engine/v1"
 "github.com/orotund/orotund/internal/worker/child")
var lufsRE = regexp.MustCompile(`(?s)Summary:.*?I:\s+(-?[\d.]+) LUFS`)
func TestZZ(t *testing.T){ client:=serve(t,1)
 for _,text:=range []string{"It was a bright cold day in April, and all the clocks of the town were striking thirteen. Nobody looked up from the street below.","All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act towards one another in a spirit of brotherhood.","12, 345, 6789, 10, 1234567, 88, 91, 57, 63.", "Yes.", "Hello there."} {
 for _,p:=range profiles { client.Load(t.Context(),&enginev1.LoadRequest{Model:p.id}); s:=must(t,client,&enginev1.SynthesizeRequest{Voice:p.id,Text:text})
  x:=s.samples; cmd:=exec.Command("ffmpeg","-hide_banner","-nostats","-f","s16le","-ar",fmt.Sprint(p.rate),"-ac","1","-i","pipe:0","-af","ebur128","-f","null","-"); cmd.Stdin=bytes.NewReader(child.SampleBytes(x,nil)); out,_:=cmd.CombinedOutput(); m:=lufsRE.FindSubmatch(out)
  th:=32768*0.00316; a,b:=0,len(x)-1; for a<len(x)&&math.Abs(float64(x[a]))<th {a++}; for b>0&&math.Abs(float64(x[b]))<th {b--}
  dc,pk:=0.0,0.0; for _,v:=range x {dc+=float64(v); pk=max(pk,math.Abs(float64(v)))}; dc/=float64(len(x))
  fmt.Printf("%-6s %s LUFS lead %.0f ms tail %.0f ms dc %+.1f (%.0f dBFS) peak %.2f %.1f s\n",p.id,m[1],float64(a)*1000/float64(p.rate),float64(len(x)-1-b)*1000/float64(p.rate),dc,20*math.Log10(math.Abs(dc)/32768+1e-9),pk/32768,float64(len(x))/float64(p.rate)) } } }

package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/orotund/orotund/internal/fault"
)

// openAIError is the body of OpenAI's errors.
type openAIError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

// openAIFields are the names that OpenAI gives to the fields of speech.Request and speech.Format.
var openAIFields = map[string]string{"text": "input", "encoding": "response_format"}

// openAITypes are OpenAI's error types; other kinds are "server_error".
var openAITypes = map[fault.Kind]string{
	fault.Invalid: "invalid_request_error", fault.TooLarge: "invalid_request_error", fault.MediaType: "invalid_request_error",
	fault.NotFound: "invalid_request_error", fault.Method: "invalid_request_error", fault.Conflict: "invalid_request_error",
	fault.Unauthenticated: "authentication_error", fault.Forbidden: "permission_error", fault.Exhausted: "rate_limit_error",
}

// writeFault answers with an error in the form of the API that the path belongs to.
func writeFault(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		writeOpenAIError(w, f)
		return
	}
	writeRESTError(w, f)
}

// toOpenAIError puts an error into OpenAI's form.
func toOpenAIError(f *fault.Error) openAIError {
	var body openAIError
	body.Error.Message = f.Message
	body.Error.Type = openAITypes[f.Kind]
	if body.Error.Type == "" {
		body.Error.Type = "server_error"
	}
	if f.Field != "" {
		field := f.Field
		if name, ok := openAIFields[field]; ok {
			field = name
		}
		body.Error.Param = &field
		body.Error.Message = field + ": " + f.Message
	}
	code := f.Code
	if code == "" {
		code = string(f.Kind)
	}
	body.Error.Code = &code
	return body
}

func writeOpenAIError(w http.ResponseWriter, f *fault.Error) {
	data, err := json.Marshal(toOpenAIError(f))
	if err != nil {
		data = []byte(`{"error":{"message":"internal error","type":"server_error","param":null,"code":"internal"}}`)
	}
	writeError(w, f, data)
}

// writeRESTError writes google.rpc.Status as JSON, as grpc-gateway does.
func writeRESTError(w http.ResponseWriter, f *fault.Error) {
	data, err := protojson.Marshal(status.Convert(fault.ToGRPC(f)).Proto())
	if err != nil {
		data = []byte(`{"code":13,"message":"internal error"}`)
	}
	writeError(w, f, data)
}

func writeError(w http.ResponseWriter, f *fault.Error, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if s := f.RetryAfterSeconds(); s > 0 {
		h.Set("Retry-After", strconv.Itoa(s))
	}
	w.WriteHeader(f.Kind.HTTP())
	_, _ = w.Write(body) // the client may be gone
}

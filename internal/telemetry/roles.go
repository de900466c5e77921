package telemetry

// serviceNames gives each role the name by which operators know it. It is a public, stable contract: dashboards and service maps
// are built on it.
var serviceNames = map[string]string{
	"gateway":   "webui-gateway",
	"inference": "tts-inference-service",
	"style":     "style-control-service",
	"prompt":    "prompt-audio-service",
	"storage":   "output-storage-service",
	"state":     "state",
}

// ServiceName returns the service.name of a role's spans: the operators' name of a known role, "orotund-<role>" for anything else
// that makes spans (a command, a test), "orotund" for an empty one.
func ServiceName(role string) string {
	if n, ok := serviceNames[role]; ok {
		return n
	}
	if role == "" {
		return "orotund"
	}
	return "orotund-" + role
}

// WorkerServiceName returns the service.name of an engine's worker processes.
func WorkerServiceName(engine string) string { return "orotund-worker-" + engine }

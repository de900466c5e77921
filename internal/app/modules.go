package app

import (
	"maps"
	"math"
	"slices"

	"github.com/orotund/orotund/internal/cluster"
	"github.com/orotund/orotund/internal/engine"
	"github.com/orotund/orotund/internal/engine/remote"
	"github.com/orotund/orotund/internal/gateway"
	"github.com/orotund/orotund/internal/inference"
	"github.com/orotund/orotund/internal/lifecycle"
	"github.com/orotund/orotund/internal/rpc"
	"github.com/orotund/orotund/internal/style"
)

// modules is the system. A role that another needs is a module it needs if it runs in this process, else a connection.
func (a *App) modules() []lifecycle.Module {
	local := func(deps ...string) []string {
		return slices.DeleteFunc(deps, func(d string) bool { return slices.Contains(roles, d) && !a.cfg.has(d) })
	}
	modules := []lifecycle.Module{
		{Name: "admin", Init: a.initAdmin},
		{Name: RoleState, Init: a.initState},
		{Name: RoleStyle, Init: a.initStyle},
		{Name: "engines", Init: a.initEngines},
		{Name: "codecs", Init: a.initCodecs},
		{Name: RoleInference, Needs: local("engines", "codecs", RoleStyle), Init: a.initInference},
		{Name: "rpc", Needs: a.cfg.served(), Init: a.initRPC},
		{Name: RoleGateway, Needs: local(RoleInference), Init: a.initGateway},
	}
	if a.cfg.Admin.Listen != "" { // health and metrics are wanted most while the others start and stop
		for i := range modules[1:] {
			modules[i+1].Needs = append(modules[i+1].Needs, modules[0].Name)
		}
	}
	return modules
}

func (a *App) initAdmin() (lifecycle.Service, error) {
	a.admin = newAdmin(a.cfg.Admin.Listen, a.tel, a.Ready)
	return a.admin, nil
}

func (a *App) initState() (lifecycle.Service, error) {
	a.cluster = cluster.New(a.cfg.State, a.log.With("component", "state"), a.tel.Tracer(RoleState))
	return a.cluster, nil
}

func (a *App) initStyle() (lifecycle.Service, error) {
	a.style = style.New(a.cfg.Style, a.log.With("component", "style"))
	return nil, nil
}

// initEngines makes an engine of each entry of the configuration. One that cannot start is left out until it can.
func (a *App) initEngines() (lifecycle.Service, error) {
	a.catalogue = engine.NewCatalogue(a.cfg.Voices, a.cfg.Models)
	for _, id := range slices.Sorted(maps.Keys(a.cfg.Engines)) {
		cfg := a.cfg.Engines[id]
		if cfg.Disabled {
			continue
		}
		opts := remote.Options{
			Min: math.MaxInt, Env: a.tel.WorkerEnv(id), Tracer: a.tel.Tracer(RoleInference), Propagator: a.tel.Propagator(),
			OnDescribed: a.catalogue.Refresh,
		}
		if a.lazy {
			opts.Min = 1
		}
		e := remote.New(id, cfg, opts, a.log.With("component", "engine"))
		a.engines = append(a.engines, e)
		a.catalogue.Add(e)
	}
	if err := a.observeEngines(); err != nil {
		return nil, err
	}
	return &enginesService{engines: a.engines, log: a.log.With("component", "engine")}, nil
}

func (a *App) initCodecs() (lifecycle.Service, error) {
	a.codecPool, a.codecs = newCodecs(a.cfg.Codec, a.tel.WorkerEnv("codec"), a.lazy, a.log.With("component", "codec"))
	return &codecService{pool: a.codecPool, lazy: a.lazy, log: a.log.With("component", "codec")}, nil
}

func (a *App) initInference() (lifecycle.Service, error) {
	var styler inference.Styler
	if a.cfg.has(RoleStyle) {
		styler = style.Local{Service: a.style, Link: a.link(RoleInference, RoleStyle, style.ServiceName)}
	} else {
		conn, err := a.dial(RoleInference, a.cfg.RPC.Style)
		if err != nil {
			return nil, err
		}
		styler = style.NewClient(conn)
	}
	var err error
	a.inference, err = inference.New(a.cfg.Inference, styler, a.catalogue, a.codecs, a.tel.Meter("orotund/inference"), a.log.With("component", "inference"))
	return nil, err
}

func (a *App) initRPC() (lifecycle.Service, error) {
	a.rpc = rpc.NewServer(a.cfg.RPC.Listen, a.tel.Provider(a.cfg.served()[0]), a.tel.Propagator(), a.log.With("component", "rpc"))
	if a.inference != nil {
		inference.Register(a.rpc.Registrar(), a.inference)
	}
	if a.style != nil {
		style.Register(a.rpc.Registrar(), a.style)
	}
	return a.rpc, nil
}

func (a *App) initGateway() (lifecycle.Service, error) {
	var inf gateway.Inference
	if a.cfg.has(RoleInference) {
		inf = inference.Local{Service: a.inference, Link: a.link(RoleGateway, RoleInference, inference.ServiceName)}
	} else {
		conn, err := a.dial(RoleGateway, a.cfg.RPC.Inference)
		if err != nil {
			return nil, err
		}
		inf = inference.NewClient(conn)
	}
	a.gateway = gateway.New(a.cfg.Gateway, inf, gateway.Telemetry{
		Provider: a.tel.Provider(RoleGateway), Propagator: a.tel.Propagator(), Meter: a.tel.MeterProvider(),
		Log: a.log.With("component", "gateway"),
	}, Version)
	return a.gateway, nil
}

// link joins two roles of this process.
func (a *App) link(client, server, service string) rpc.Link {
	return rpc.Link{Client: a.tel.Tracer(client), Server: a.tel.Tracer(server), Service: service}
}

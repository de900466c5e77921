package config

import (
	"os"
	"os/user"
	"path/filepath"
)

// Environ returns the process's environment as NAME=value pairs.
func Environ() []string { return os.Environ() }

// DataDir returns the folder for what Orotund keeps: XDG_DATA_HOME/orotund, else .local/share/orotund in the user's home (root's
// too), else /var/lib/orotund for a user without a home. It need not exist.
func DataDir() string {
	if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "orotund")
	}
	if h := home(); h != "" {
		return filepath.Join(h, ".local", "share", "orotund")
	}
	return "/var/lib/orotund"
}

// DefaultFile returns the path of the configuration file for a process that was given none: OROTUND_CONFIG, whether or not that
// exists (Load then complains), else XDG_CONFIG_HOME/orotund/orotund.yaml (XDG_CONFIG_HOME is .config in the user's home where it is not
// set), else /etc/orotund/orotund.yaml. Empty where none exists.
func DefaultFile() string {
	if f := os.Getenv(EnvPrefix + "CONFIG"); f != "" {
		return f
	}
	return firstFile(configDirs(os.Getenv("XDG_CONFIG_HOME"), home()))
}

// configDirs lists the folders that may hold orotund/orotund.yaml.
func configDirs(xdg, home string) []string {
	var dirs []string
	switch {
	case filepath.IsAbs(xdg):
		dirs = append(dirs, xdg)
	case home != "":
		dirs = append(dirs, filepath.Join(home, ".config"))
	}
	return append(dirs, "/etc")
}

// firstFile returns the first orotund/orotund.yaml that exists in the folders. A folder that may not be entered is passed over: a
// container's user often has another's home.
func firstFile(dirs []string) string {
	for _, d := range dirs {
		f := filepath.Join(d, "orotund", "orotund.yaml")
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	return ""
}

// home returns the user's home folder: HOME, else that of the user database; empty for none.
func home() string {
	if h := os.Getenv("HOME"); filepath.IsAbs(h) {
		return h
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir
	}
	return ""
}

// Package config has the settings of a gateway: their defaults, their flags, what values
// they may have, and the configurations of other packages that follow from them. A setting
// is a field of [Config]; its flag and its help are in flags.go, its range is in check.go.
package config

package service

import (
	"cmp"
	"fmt"
	"net"
)

// CheckRange returns an error that names the setting unless value is between least and most.
func CheckRange[T cmp.Ordered](name string, value, least, most T) error {
	if value < least || value > most {
		return fmt.Errorf("%s: %v is not between %v and %v", name, value, least, most)
	}
	return nil
}

// CheckAddress returns an error that names the setting unless addr is a host:port.
func CheckAddress(name, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// CheckPair returns an error that names both settings when only one of them is given.
func CheckPair(name1, value1, name2, value2 string) error {
	if (value1 == "") != (value2 == "") {
		return fmt.Errorf("%s, %s: give both or none", name1, name2)
	}
	return nil
}

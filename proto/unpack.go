package proto

import "encoding/json"

// Unpack reads members of the JSON object obj into the pointers that into holds by name.
// Names match exactly, where encoding/json would also take others that differ in case
// only. A member that is absent or null leaves its value. wrong names the first member
// whose value has another type than the pointer's; ok is false then, and when obj is not a
// valid object.
func Unpack(obj []byte, into map[string]any) (wrong string, ok bool) {
	ok = Members(obj, func(name string, value []byte) {
		to := into[name]
		if to != nil && wrong == "" && json.Unmarshal(value, to) != nil {
			wrong = name
		}
	})
	return wrong, ok && wrong == ""
}

// Package agreement compares the settings of an instance with those of the other gateways
// and room services of its deployment, and decides which values apply: the stricter ones.
//
// A gateway announces its settings in its lease, a room service in messages of their own.
// Each instance gives all of them to a [Table]. When an operator has given two
// instances different values, every instance logs it once, shows it on /readyz?verbose and
// in a metric, and obeys the smallest value of each setting, as bus.SharedSettings.Stricter
// explains. This is no error: the service goes on.
//
// When the instance with the smaller value has gone, the larger one applies again. A value
// that grows ends nothing and refuses nothing, so it may grow at different moments at
// different instances.
package agreement

// Package plugins takes the place of Prometheus's own list of service discoveries: pods are found in Kubernetes, and
// the libraries of two dozen clouds would be half of the program.
package plugins

import _ "github.com/prometheus/prometheus/discovery/kubernetes" // Files and HTTP are in a list that stays.

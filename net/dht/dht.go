// Package dht is the network that carries mail when two people are not online
// together: Kademlia with bounded trust in anybody. It obeys net/PROTOCOL.md,
// section 8.
//
// What decides, decides without I/O: tables, lookups, upkeep and the holder
// are plain state that is told the time and says which questions it wants
// asked. [Node] asks them over real connections; net/sim drives the same state
// by an event queue in virtual time. Peers are reached through a function
// value, packages lie on a [Shelf]; who wires those is net/node.
package dht

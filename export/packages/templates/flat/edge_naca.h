/// All of edge-naca: networks (naca/naca.h), signals, saved states, the link to a host. What a
/// program does not call is not linked.

#ifndef EDGE_NACA_H
#define EDGE_NACA_H

#include <naca/link.h>
#include <naca/naca.h>
#include <naca/signal.h>
#include <naca/store.h>

#endif

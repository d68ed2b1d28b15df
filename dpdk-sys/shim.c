/* DPDK's inline functions as ordinary ones, so that Rust can call them once per burst or packet.
 * Nothing here decides anything. */
#include "headers.h"

uint16_t coremill_receive_burst(uint16_t port, uint16_t queue, struct rte_mbuf **into, uint16_t max)
{
	return rte_eth_rx_burst(port, queue, into, max);
}

uint16_t coremill_transmit_burst(uint16_t port, uint16_t queue, struct rte_mbuf **from,
	uint16_t count)
{
	return rte_eth_tx_burst(port, queue, from, count);
}

uint16_t coremill_transmit_prepare(uint16_t port, uint16_t queue, struct rte_mbuf **packets,
	uint16_t count)
{
	return rte_eth_tx_prepare(port, queue, packets, count);
}

struct rte_mbuf *coremill_mbuf_alloc(struct rte_mempool *pool)
{
	return rte_pktmbuf_alloc(pool);
}

void coremill_mbuf_free(struct rte_mbuf *packet)
{
	rte_pktmbuf_free(packet);
}

int coremill_mbuf_linearize(struct rte_mbuf *packet)
{
	return rte_pktmbuf_linearize(packet);
}

uint32_t coremill_lcore_id(void)
{
	return rte_lcore_id();
}

int coremill_errno(void)
{
	return rte_errno;
}

unsigned int coremill_ring_take(struct rte_ring *ring, struct rte_mbuf **packet)
{
	return rte_ring_dequeue(ring, (void **)packet) == 0;
}

int coremill_link_get(uint16_t port, struct coremill_link *link)
{
	struct rte_eth_link found = {0};
	int result = rte_eth_link_get_nowait(port, &found);

	link->speed_mbps = found.link_speed;
	link->up = found.link_status;
	link->full_duplex = found.link_duplex;
	return result;
}

/* Sizes and offsets as the C compiler sees them; the package's test compares them with the bindings,
 * which libclang made. Packets must also be what the engine's arithmetic takes them for. */
_Static_assert(sizeof(struct rte_mbuf) == 128, "a packet's header is two cache lines");
_Static_assert(sizeof(struct rte_ether_addr) == 6, "a MAC address is six bytes");
_Static_assert(sizeof(((struct rte_mbuf *)0)->tx_offload) == 8, "lengths for offloads are one word");
_Static_assert(RTE_MBUF_L2_LEN_BITS == 7, "link header length is the lowest seven bits");
_Static_assert(RTE_MBUF_L3_LEN_BITS == 9, "IP header length is the next nine bits");
_Static_assert(RTE_MBUF_L4_LEN_BITS == 8, "TCP header length is the next eight bits");
_Static_assert(RTE_MBUF_TSO_SEGSZ_BITS == 16, "the size of a segment is the next sixteen bits");

static const size_t layout[] = {
	sizeof(struct rte_mbuf),
	_Alignof(struct rte_mbuf),
	sizeof(struct rte_ether_addr),
	sizeof(struct rte_eth_conf),
	offsetof(struct rte_eth_conf, rxmode),
	offsetof(struct rte_eth_conf, txmode),
	offsetof(struct rte_eth_conf, rx_adv_conf),
	offsetof(struct rte_eth_conf, intr_conf),
	sizeof(struct rte_eth_dev_info),
	offsetof(struct rte_eth_dev_info, driver_name),
	offsetof(struct rte_eth_dev_info, max_rx_queues),
	offsetof(struct rte_eth_dev_info, reta_size),
	offsetof(struct rte_eth_dev_info, default_rxconf),
	offsetof(struct rte_eth_dev_info, default_txconf),
	sizeof(struct rte_eth_rxconf),
	offsetof(struct rte_eth_rxconf, offloads),
	sizeof(struct rte_eth_txconf),
	offsetof(struct rte_eth_txconf, offloads),
	sizeof(struct rte_eth_rss_conf),
	sizeof(struct rte_eth_rss_reta_entry64),
	sizeof(struct rte_eth_stats),
	sizeof(struct rte_fib_conf),
	offsetof(struct rte_fib_conf, max_routes),
};

size_t coremill_layout(unsigned int index)
{
	return index < sizeof(layout) / sizeof(layout[0]) ? layout[index] : SIZE_MAX;
}

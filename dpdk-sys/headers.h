/* What the bindings are generated from: DPDK's headers, the shim's functions, and constants whose
 * names or places differ between DPDK releases (22.11, 23.11, 24.11), taken from C. */
#ifndef COREMILL_HEADERS_H
#define COREMILL_HEADERS_H

#include <rte_config.h>

#include <stddef.h>
#include <stdint.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_fib.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_version.h>

/* Where the fields of a packet lie: in 24.11 most of them moved into unnamed unions. */
enum coremill_mbuf_offset {
	COREMILL_MBUF_BUF_ADDR = offsetof(struct rte_mbuf, buf_addr),
	COREMILL_MBUF_DATA_OFF = offsetof(struct rte_mbuf, data_off),
	COREMILL_MBUF_NB_SEGS = offsetof(struct rte_mbuf, nb_segs),
	COREMILL_MBUF_REFERENCES = offsetof(struct rte_mbuf, refcnt),
	COREMILL_MBUF_POOL = offsetof(struct rte_mbuf, pool),
	COREMILL_MBUF_OL_FLAGS = offsetof(struct rte_mbuf, ol_flags),
	COREMILL_MBUF_PKT_LEN = offsetof(struct rte_mbuf, pkt_len),
	COREMILL_MBUF_DATA_LEN = offsetof(struct rte_mbuf, data_len),
	COREMILL_MBUF_HASH_RSS = offsetof(struct rte_mbuf, hash.rss),
	COREMILL_MBUF_BUF_LEN = offsetof(struct rte_mbuf, buf_len),
	COREMILL_MBUF_TX_OFFLOAD = offsetof(struct rte_mbuf, tx_offload),
};

/* Per-packet flags. */
static const uint64_t COREMILL_RECEIVE_IP_MASK = RTE_MBUF_F_RX_IP_CKSUM_MASK;
static const uint64_t COREMILL_RECEIVE_IP_GOOD = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
static const uint64_t COREMILL_RECEIVE_IP_BAD = RTE_MBUF_F_RX_IP_CKSUM_BAD;
static const uint64_t COREMILL_RECEIVE_L4_MASK = RTE_MBUF_F_RX_L4_CKSUM_MASK;
static const uint64_t COREMILL_RECEIVE_L4_GOOD = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
static const uint64_t COREMILL_RECEIVE_L4_BAD = RTE_MBUF_F_RX_L4_CKSUM_BAD;
static const uint64_t COREMILL_RECEIVE_RSS_HASH = RTE_MBUF_F_RX_RSS_HASH;
static const uint64_t COREMILL_FOREIGN_MEMORY = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
static const uint64_t COREMILL_TRANSMIT_IPV4 = RTE_MBUF_F_TX_IPV4;
static const uint64_t COREMILL_TRANSMIT_IPV6 = RTE_MBUF_F_TX_IPV6;
static const uint64_t COREMILL_TRANSMIT_IP_CHECKSUM = RTE_MBUF_F_TX_IP_CKSUM;
static const uint64_t COREMILL_TRANSMIT_TCP_CHECKSUM = RTE_MBUF_F_TX_TCP_CKSUM;
static const uint64_t COREMILL_TRANSMIT_TCP_SEGMENTATION = RTE_MBUF_F_TX_TCP_SEG;

/* Bits of a port's offload capabilities. */
static const uint64_t COREMILL_RX_OFFLOAD_IPV4_CHECKSUM = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
static const uint64_t COREMILL_RX_OFFLOAD_TCP_CHECKSUM = RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
static const uint64_t COREMILL_RX_OFFLOAD_RSS_HASH = RTE_ETH_RX_OFFLOAD_RSS_HASH;
static const uint64_t COREMILL_RX_OFFLOAD_SCATTER = RTE_ETH_RX_OFFLOAD_SCATTER;
static const uint64_t COREMILL_TX_OFFLOAD_IPV4_CHECKSUM = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
static const uint64_t COREMILL_TX_OFFLOAD_TCP_CHECKSUM = RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
static const uint64_t COREMILL_TX_OFFLOAD_TCP_SEGMENTATION = RTE_ETH_TX_OFFLOAD_TCP_TSO;
static const uint64_t COREMILL_TX_OFFLOAD_FAST_FREE = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
static const uint32_t COREMILL_MULTI_QUEUE_NONE = RTE_ETH_MQ_RX_NONE;
static const uint32_t COREMILL_MULTI_QUEUE_RSS = RTE_ETH_MQ_RX_RSS;
static const uint64_t COREMILL_RSS_IPV4 = RTE_ETH_RSS_IPV4;
static const uint64_t COREMILL_RSS_IPV4_TCP = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
static const uint64_t COREMILL_RSS_IPV6_TCP = RTE_ETH_RSS_NONFRAG_IPV6_TCP;
static const uint32_t COREMILL_RETA_GROUP = RTE_ETH_RETA_GROUP_SIZE;

/* Sizes and limits. */
static const uint16_t COREMILL_HEADROOM = RTE_PKTMBUF_HEADROOM;
static const uint32_t COREMILL_POOL_CACHE_MAX = RTE_MEMPOOL_CACHE_MAX_SIZE;
static const uint32_t COREMILL_LCORE_ANY = (uint32_t)LCORE_ID_ANY;
static const uint32_t COREMILL_PORTS_MAX = RTE_MAX_ETHPORTS;
static const uint32_t COREMILL_NAME_MAX = RTE_ETH_NAME_MAX_LEN;
static const uint32_t COREMILL_RING_SINGLE_PRODUCER_CONSUMER = RING_F_SP_ENQ | RING_F_SC_DEQ;
static const uint32_t COREMILL_DPDK_VERSION = RTE_VERSION;

/* Link as one value: struct rte_eth_link became a union in 24.11. */
struct coremill_link {
	uint32_t speed_mbps;
	uint8_t up;
	uint8_t full_duplex;
};

/* shim.c: DPDK's inline functions, and what needs its macros. */
uint16_t coremill_receive_burst(uint16_t port, uint16_t queue, struct rte_mbuf **into, uint16_t max);
uint16_t coremill_transmit_burst(uint16_t port, uint16_t queue, struct rte_mbuf **from,
	uint16_t count);
uint16_t coremill_transmit_prepare(uint16_t port, uint16_t queue, struct rte_mbuf **packets,
	uint16_t count);
struct rte_mbuf *coremill_mbuf_alloc(struct rte_mempool *pool);
void coremill_mbuf_free(struct rte_mbuf *packet);
int coremill_mbuf_linearize(struct rte_mbuf *packet);
uint32_t coremill_lcore_id(void);
int coremill_errno(void);
unsigned int coremill_ring_take(struct rte_ring *ring, struct rte_mbuf **packet);
int coremill_link_get(uint16_t port, struct coremill_link *link);
size_t coremill_layout(unsigned int index);

#endif

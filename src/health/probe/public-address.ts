import ipaddr from 'ipaddr.js';

/** Whether this IP address is out in the internet, where frequent probes are unwelcome. `false` for anything else. */
export function isPublicAddress(address: string | undefined): boolean {
  if (address === undefined || !ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}

import * as echarts from 'echarts';
import type { Played } from './chat-scenes.js';

const WIDTH = 960;
const HEIGHT = 420;

/**
 * CPU of each system as a multiple of the bare handler's, as SVG: a group of bars for each scene, on a logarithmic axis, since
 * some take a tenth of it and others ten times as much.
 */
export function drawComparison(played: readonly Played[], scenes: readonly string[]): string {
  const systems = [...new Set(played.map(({ system }) => system))].filter((name) => name !== 'bare');
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: {
      text: 'CPU beside a bare handler in Node.js (1): less is better',
      left: 'center',
      top: 4,
      textStyle: { fontSize: 14 },
    },
    legend: { top: 30, data: systems },
    grid: { left: 56, right: 16, top: 66, bottom: 30 },
    xAxis: { type: 'category', data: [...scenes] },
    yAxis: { type: 'log', name: '× bare', min: 0.1 },
    series: systems.map((name) => ({
      name,
      type: 'bar' as const,
      data: scenes.map((scene) => {
        const found = played.find((each) => each.scene === scene && each.system === name);
        // A log axis begins bars at its least value.
        return found === undefined || !(found.perBare < Infinity) ? null : Number(found.perBare.toFixed(2));
      }),
      label: { show: true, position: 'top' as const, fontSize: 9 },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

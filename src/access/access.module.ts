import { Module } from '@nestjs/common';
import { AdmissionCheck } from './admission-check.js';

@Module({ providers: [AdmissionCheck], exports: [AdmissionCheck] })
export class AccessModule {}
